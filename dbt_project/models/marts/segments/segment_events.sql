with

events as (

    select * from {{ ref('champion_segment_events') }}

),

champion_periods as (

    select * from {{ ref('champion_takeovers') }}

)

select
    champion_periods.champion_from,
    champion_periods.previous_model_id,
    champion_periods.model_id,
    events.event,
    events.segment_id,
    events.segment_name,
    events.other_segment_id,
    events.other_segment_name,
    cast(events.previous_customers as bigint) as previous_customers,
    cast(events.customers as bigint) as customers,
    events.shared_customers,
    events.jaccard,
    events.centroid_distance,
    events.sentence,
    events.champion_period
from events
inner join champion_periods on events.champion_period = champion_periods.champion_period
order by events.champion_period, events.segment_id, events.event
