{#
    A model whose query goes through every customer at every step of `champion_steps` says `in_batch` where it reads
    customers. It is then built for one range of customer numbers after the other, so that no more than
    `max_rows_at_once` rows are sorted at a time, whatever the number of customers. What a customer's rows are must not
    depend on the customers of other ranges. The query is complete as it stands; other targets than DuckDB run it so,
    and cut by themselves what they sort.
#}
{% macro in_batch(customer_number) -%}
    {{ customer_number }} between {{ batch_markers() | join(' and ') }}
{%- endmacro %}


{# How the compiled query says the first and the last number of the batch. Number 0 is whoever has none. #}
{% macro batch_markers() %} {{ return(['/* first of batch */ 0', '/* last of batch */ 2147483647']) }} {% endmacro %}


{#
    Between queries that DuckDB runs one after the other, each with the memory that all of them would share in a
    union. Other targets than DuckDB run the union.
#}
{% macro union_all_in_turn() -%} union all /* in turn */ {%- endmacro %}


{#
    What dbt-duckdb creates tables with, here for one batch after the other: the first creates the table, the others
    are inserted, all before dbt commits.
#}
{% macro duckdb__create_table_as(temporary, relation, compiled_code, language='sql') %}
    {%- set markers = batch_markers() %}
    {%- set batches = compiled_code.split(union_all_in_turn()) if language == 'sql' else [compiled_code] %}
    {%- if language == 'sql' and model.resource_type == 'model' and markers[0] in compiled_code %}
        {%- set batches = [] %}
        {%- for first, last in batches_of_customers() %}
            {%- do batches.append(
                compiled_code | replace(markers[0], first) | replace(markers[1], last)
            ) %}
        {%- endfor %}
    {%- endif %}
    {{- dbt.duckdb__create_table_as(temporary, relation, batches[0], language, **kwargs) }}
    {%- for batch in batches[1:] %}
        insert into {{ relation.include(database=not temporary, schema=not temporary) }}
        {{ batch }};
    {%- endfor %}
{% endmacro %}


{# First and last customer number of each batch of the steps that are due. #}
{% macro batches_of_customers() %}
    {%- set sizes %}
        select
            (select coalesce(max(customer_number), 0) from {{ ref('int_customer_versions') }}) as newest_number,
            count(*) as due_steps
        from {{ ref('champion_steps') }}
        {%- if is_incremental() %}
            where step > (select coalesce(max(known.step), 0) from {{ this }} as known)
        {%- endif %}
    {%- endset %}
    {%- set numbers, steps = run_query(sizes).rows[0] %}
    {%- set numbers, steps = numbers | int + 1, steps | int %}
    {%- set size = [var('max_rows_at_once') // [steps, 1] | max, 1] | max %}
    {%- set batches = [] %}
    {%- for first in range(0, numbers, size) %}
        {%- do batches.append((first, first + size - 1)) %}
    {%- endfor %}
    {{ return(batches) }}
{% endmacro %}
