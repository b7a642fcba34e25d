with

transitions as (

    select * from {{ ref('champion_transitions') }}

),

champion_periods as (

    select * from {{ ref('champion_takeovers') }}

),

segments as (

    select * from {{ ref('champion_segments') }}

),

names as (

    -- A segment that the new champion does not go on with keeps its last name.
    select
        champion_periods.champion_period,
        segments.segment_id,
        max_by(segments.segment_name, segments.champion_period) as segment_name
    from champion_periods
    inner join segments on champion_periods.champion_period >= segments.champion_period
    group by 1, 2

)

select
    transitions.evaluation_date,
    transitions.movement,
    transitions.from_segment_id,
    from_names.segment_name as from_segment_name,
    transitions.to_segment_id,
    to_names.segment_name as to_segment_name,
    transitions.customers,
    transitions.revenue,
    transitions.champion_period,
    champion_periods.model_id,
    transitions.step > min(transitions.step) over (
        partition by transitions.evaluation_date
    ) as is_change_of_model,
    transitions.step
from transitions
inner join champion_periods on transitions.champion_period = champion_periods.champion_period
left join names as from_names
    on
        transitions.champion_period = from_names.champion_period
        and transitions.from_segment_id = from_names.segment_id
left join names as to_names
    on
        transitions.champion_period = to_names.champion_period
        and transitions.to_segment_id = to_names.segment_id
order by transitions.step, transitions.from_segment_id, transitions.to_segment_id
