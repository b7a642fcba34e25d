{#- A ref to champion_changes would close a circle: this is what it held before this run. -#}
{%- set changes = this.incorporate(path={'identifier': 'champion_changes'}) %}
{%- set has_changes = execute and load_relation(changes) is not none %}

with

customer_versions as (

    select * from {{ ref('int_customer_versions') }}

),

changes as (

    {% if has_changes -%}
        select
            customer_id,
            step,
            segment_id
        from {{ changes }}
    {%- else -%}
        select
            cast(null as string) as customer_id,
            cast(null as integer) as step,
            cast(null as integer) as segment_id
        where false
    {%- endif %}

),

last_known as (

    -- Segment 0 stands for none here, because max_by passes over nulls.
    select
        customer_id,
        max_by(coalesce(segment_id, 0), step) as segment_id,
        max(step) as step
    from changes
    group by 1

)

select
    last_known.customer_id,
    customer_versions.customer_number,
    last_known.segment_id,
    last_known.step
from last_known
left join customer_versions
    on
        last_known.customer_id = customer_versions.customer_id
        and customer_versions.valid_to = {{ end_of_time() }}
