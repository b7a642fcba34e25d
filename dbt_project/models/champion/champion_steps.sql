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
        decisions.is_takeover,
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

    select
        evaluation_date,
        champion_period,
        is_takeover
    from decided
    union all
    -- Before a champion goes it scores its last date: what it moves is migration, what the next one
    -- moves then is relabelling.
    select
        evaluation_date,
        champion_period - 1 as champion_period,
        false as is_takeover
    from decided
    where is_takeover and champion_period > 1 and decision_of_date = 1

)

select
    cast(
        row_number() over (
            order by scored_by.evaluation_date, scored_by.champion_period
        ) as integer
    ) as step,
    scored_by.evaluation_date,
    scored_by.champion_period,
    champion_periods.model_id,
    scored_by.is_takeover
from scored_by
inner join champion_periods on scored_by.champion_period = champion_periods.champion_period
order by step
