{#- A ref to customer_segments would close a circle: this is what it held before this run. -#}
{%- set marts = table_named(layer_schema('marts'), 'customer_segments') %}
{%- set published = load_relation(marts) if execute and var('audiences') else none %}

with

published as (

    {% if published is not none -%}
        select
            customer_id,
            segment_id,
            segment_name
        from {{ published }}
    {%- else -%}
        -- Nobody asks for it without an audience.
        select
            cast(null as string) as customer_id,
            cast(null as integer) as segment_id,
            cast(null as string) as segment_name
        where false
    {%- endif %}

)

select * from published
order by customer_id
