with

decisions as (

    select * from {{ ref('champion_decisions') }}
    where is_takeover

)

select
    cast(row_number() over (order by decision_number) as integer) as champion_period,
    model_id,
    previous_model_id,
    previous_scaling_model_id,
    evaluation_date as champion_from,
    lead(evaluation_date) over (order by decision_number) as champion_to,
    decision as reason,
    adjusted_rand_index,
    row_number() over (order by decision_number desc) = 1 as is_current
from decisions
order by champion_period
