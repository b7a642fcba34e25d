{{ config(materialized='incremental', full_refresh=false) }}

with

given_clusters as (

    select * from {{ ref('champion_given_clusters') }}

),

last_known as (

    select * from {{ ref('champion_last_known_segments') }}

),

identities as (

    select * from {{ ref('champion_identities') }}

),

customers as (

    select
        customer_number,
        customer_id
    from {{ ref('int_customer_versions') }}
    where valid_to = {{ end_of_time() }}

),

steps as (

    select * from {{ ref('champion_steps') }}
    {%- if is_incremental() %}
        where step > (select coalesce(max(known.step), 0) from {{ this }} as known)
    {%- endif %}

),

first_step as (

    select * from steps
    order by step
    limit 1

),

identified as (

    select
        given_clusters.customer_number,
        given_clusters.step,
        coalesce(identities.segment_id, 0) as segment_id,
        lag(coalesce(identities.segment_id, 0)) over (
            partition by given_clusters.customer_number order by given_clusters.step
        ) as segment_before
    from given_clusters
    left join identities
        on
            given_clusters.champion_period = identities.champion_period
            and given_clusters.cluster = identities.cluster

),

found_again as (

    -- Whom the first step finds again. The others are known no more: all of their orders have been
    -- canceled since, or lie before the observation window.
    select
        last_known.customer_id,
        last_known.customer_number,
        last_known.segment_id
    from last_known
    inner join given_clusters on last_known.customer_number = given_clusters.customer_number
    inner join first_step on given_clusters.step = first_step.step

),

moved as (

    select
        customers.customer_id,
        identified.step,
        nullif(identified.segment_id, 0) as segment_id,
        nullif(coalesce(identified.segment_before, found_again.segment_id), 0)
            as previous_segment_id
    from identified
    inner join customers on identified.customer_number = customers.customer_number
    left join found_again on identified.customer_number = found_again.customer_number
    where identified.segment_id is distinct from identified.segment_before
    union all
    select
        last_known.customer_id,
        first_step.step,
        cast(null as integer) as segment_id,
        last_known.segment_id as previous_segment_id
    from last_known
    inner join first_step on last_known.segment_id > 0
    anti join found_again on last_known.customer_id = found_again.customer_id

)

select
    moved.customer_id,
    steps.step,
    steps.evaluation_date,
    steps.champion_period,
    moved.segment_id,
    moved.previous_segment_id,
    case
        when moved.segment_id is null then 'exit'
        when moved.previous_segment_id is null then 'entry'
        when steps.is_relabelling then 'relabelling'
        else 'migration'
    end as movement
from moved
inner join steps on moved.step = steps.step
where moved.segment_id is distinct from moved.previous_segment_id
order by moved.step, moved.customer_id
