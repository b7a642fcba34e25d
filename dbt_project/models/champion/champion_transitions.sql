{{ config(materialized='incremental', full_refresh=false) }}

with

customer_features as (

    select * from {{ ref('int_customer_features') }}

),

customer_versions as (

    select * from {{ ref('int_customer_versions') }}

),

changes as (

    select * from {{ ref('champion_changes') }}

),

steps as (

    select * from {{ ref('champion_steps') }}
    {%- if is_incremental() %}
        where step > (select coalesce(max(known.step), 0) from {{ this }} as known)
    {%- endif %}

),

stays as (

    -- By numbers: they sort and join several times faster than ids. Who is known no more has none.
    select
        customer_versions.customer_number,
        changes.segment_id,
        changes.previous_segment_id,
        changes.step as first_step,
        lead(changes.step, 1, 2147483647) over (
            partition by customer_versions.customer_number order by changes.step
        ) as next_step
    from changes
    inner join customer_versions
        on
            changes.customer_id = customer_versions.customer_id
            and customer_versions.valid_to = {{ end_of_time() }}

),

moved as (

    -- At the first step of a stay the customer comes from the segment before it.
    select
        steps.step,
        case
            when stays.first_step = steps.step then stays.previous_segment_id
            else stays.segment_id
        end as from_segment_id,
        stays.segment_id as to_segment_id,
        customer_features.monetary_value
    from steps
    inner join customer_features on steps.review_date = customer_features.cutoff
    inner join stays
        on
            customer_features.customer_number = stays.customer_number
            and steps.step >= stays.first_step
            and steps.step < stays.next_step
    where stays.segment_id is not null

),

left_us as (

    select
        steps.step,
        changes.previous_segment_id as from_segment_id,
        cast(null as integer) as to_segment_id,
        cast(0 as decimal(18, 2)) as monetary_value
    from steps
    inner join changes on steps.step = changes.step
    where changes.segment_id is null

),

everyone as (

    select * from moved
    union all
    select * from left_us

)

select
    steps.step,
    steps.review_date,
    steps.reign,
    everyone.from_segment_id,
    everyone.to_segment_id,
    case
        when everyone.from_segment_id is null then 'entry'
        when everyone.to_segment_id is null then 'exit'
        when everyone.from_segment_id = everyone.to_segment_id then 'stay'
        when steps.is_takeover then 'relabelling'
        else 'migration'
    end as movement,
    count(*) as customers,
    cast(sum(everyone.monetary_value) as decimal(18, 2)) as revenue
from everyone
inner join steps on everyone.step = steps.step
group by 1, 2, 3, 4, 5, 6
order by steps.step, everyone.from_segment_id, everyone.to_segment_id
