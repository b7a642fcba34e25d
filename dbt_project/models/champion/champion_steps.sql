with

decisions as (

    select * from {{ ref('champion_decisions') }}

),

reigns as (

    select * from {{ ref('champion_reigns') }}

),

decided as (

    select
        decisions.review_date,
        decisions.is_takeover,
        cast(
            count(*) filter (where decisions.is_takeover) over (order by decisions.decision_number)
            as integer
        ) as reign,
        row_number() over (
            partition by decisions.review_date order by decisions.decision_number
        ) as decision_of_date
    from decisions

),

scored_by as (

    select
        review_date,
        reign,
        is_takeover
    from decided
    union all
    -- Before a champion goes it scores its last date: what it moves is migration, what the next one
    -- moves then is relabelling.
    select
        review_date,
        reign - 1 as reign,
        false as is_takeover
    from decided
    where is_takeover and reign > 1 and decision_of_date = 1

)

select
    cast(row_number() over (order by scored_by.review_date, scored_by.reign) as integer) as step,
    scored_by.review_date,
    scored_by.reign,
    reigns.model_id,
    scored_by.is_takeover
from scored_by
inner join reigns on scored_by.reign = reigns.reign
order by step
