with

transitions as (

    select * from {{ ref('champion_transitions') }}

),

reigns as (

    select * from {{ ref('champion_reigns') }}

),

segments as (

    select * from {{ ref('champion_segments') }}

),

names as (

    -- A segment that the new champion does not go on with keeps its last name.
    select
        reigns.reign,
        segments.segment_id,
        max_by(segments.segment_name, segments.reign) as segment_name
    from reigns
    inner join segments on reigns.reign >= segments.reign
    group by 1, 2

)

select
    transitions.review_date,
    transitions.movement,
    transitions.from_segment_id,
    from_names.segment_name as from_segment_name,
    transitions.to_segment_id,
    to_names.segment_name as to_segment_name,
    transitions.customers,
    transitions.revenue,
    transitions.reign,
    reigns.model_id,
    transitions.step > min(transitions.step) over (
        partition by transitions.review_date
    ) as is_change_of_model
from transitions
inner join reigns on transitions.reign = reigns.reign
left join names as from_names
    on
        transitions.reign = from_names.reign
        and transitions.from_segment_id = from_names.segment_id
left join names as to_names
    on
        transitions.reign = to_names.reign
        and transitions.to_segment_id = to_names.segment_id
order by transitions.step, transitions.from_segment_id, transitions.to_segment_id
