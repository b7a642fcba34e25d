{{
    config(
        enabled=var('source') == 'olist',
        materialized=made_by_change(),
        incremental_strategy='append',
        full_refresh=false,
        tags=['by_change'],
    )
}}

with

{% for raw_table, key in keys_of_raw_tables().items() %}
    {%- set source_table = source(
        'olist', raw_table.removeprefix('olist_').removesuffix('_dataset')
    ) %}
    {{ raw_table }} as (

        select {{ key | join(', ') }}
        from {{ source_table }}
        {%- if is_incremental() %}
            where
                {{ key[0] }} in (
                    select added.{{ key[0] }} from {{ source_table }} as added
                    where {{ is_new_row(raw_table) }}
                )
        {%- endif %}
        group by {{ key | join(', ') }}
        having count(*) > 1

    ),
{% endfor %}

repeated as (

    {% for raw_table, key in keys_of_raw_tables().items() %}
        select
            '{{ raw_table }}' as raw_table,
            {{ key[0] }} as first_part
        from {{ raw_table }}
        where {{ key[0] }} is not null
        {{ 'union' if not loop.last }}
    {% endfor %}

)

select
    repeated.raw_table,
    repeated.first_part
from repeated
{%- if is_incremental() %}
    anti join {{ this }} as known
        on
            repeated.raw_table = known.raw_table
            and repeated.first_part = known.first_part
{%- endif %}
