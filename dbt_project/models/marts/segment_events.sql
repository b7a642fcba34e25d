with

events as (

    select * from {{ ref('champion_segment_events') }}

),

reigns as (

    select * from {{ ref('champion_reigns') }}

)

select
    reigns.champion_from,
    reigns.previous_model_id,
    reigns.model_id,
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
    events.reign
from events
inner join reigns on events.reign = reigns.reign
order by events.reign, events.segment_id, events.event
