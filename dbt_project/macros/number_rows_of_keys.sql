{#
    The rows of `relation` with `row_of_key`: 1, 2 … in `order` among the rows of the same key. Second rows are rare,
    so only the rows of keys that come twice are sorted. A row without a key has number 1.

    `relation` is read three times: a CTE for it is `not_materialized`, or DuckDB keeps a whole raw table in memory.
#}
{% macro number_rows_of_keys(relation, key, order) %}
    {%- set is_repeated = [] %}
    {%- for column in key %}
        {%- do is_repeated.append(relation ~ '.' ~ column ~ ' = repeated_keys.' ~ column) %}
    {%- endfor %}
    with

    repeated_keys as (

        select {{ key | join(', ') }}
        from {{ relation }}
        group by {{ key | join(', ') }}
        having count(*) > 1

    )

    select
        *,
        1 as row_of_key
    from {{ relation }}
    anti join repeated_keys
        on {{ is_repeated | join(' and ') }}
    union all
    select
        *,
        row_number() over (
            partition by {{ key | join(', ') }} order by {{ order | join(', ') }}
        ) as row_of_key
    from {{ relation }}
    semi join repeated_keys
        on {{ is_repeated | join(' and ') }}
{% endmacro %}
