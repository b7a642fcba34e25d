with

decisions as (

    select * from {{ ref('champion_decisions') }}

),

champion_periods as (

    select * from {{ ref('champion_takeovers') }}

),

decided as (

    select
        decisions.evaluation_date,
        decisions.decision_number,
        decisions.is_takeover,
        decisions.previous_scaling_model_id,
        cast(
            count(*) filter (where decisions.is_takeover) over (order by decisions.decision_number)
            as integer
        ) as champion_period,
        row_number() over (
            partition by decisions.evaluation_date order by decisions.decision_number
        ) as decision_of_date
    from decisions

),

scored_by as (

    -- Who is scored again at one date, by another model or in another scaling, is relabelled.
    select
        decision_number,
        evaluation_date,
        champion_period,
        case when not is_takeover then previous_scaling_model_id end as scaling_model_id,
        is_takeover,
        is_takeover or decision_of_date > 1 as is_relabelling
    from decided
    union all
    -- Before a champion goes it scores its last date: what it moves is migration, what the next one
    -- moves then is relabelling.
    select
        decision_number,
        evaluation_date,
        champion_period - 1 as champion_period,
        previous_scaling_model_id as scaling_model_id,
        false as is_takeover,
        false as is_relabelling
    from decided
    where is_takeover and champion_period > 1 and decision_of_date = 1

)

select
    cast(
        row_number() over (
            order by scored_by.decision_number, scored_by.champion_period
        ) as integer
    ) as step,
    scored_by.evaluation_date,
    scored_by.champion_period,
    champion_periods.model_id,
    coalesce(scored_by.scaling_model_id, champion_periods.model_id) as scaling_model_id,
    scored_by.is_takeover,
    scored_by.is_relabelling
from scored_by
inner join champion_periods on scored_by.champion_period = champion_periods.champion_period
order by step
