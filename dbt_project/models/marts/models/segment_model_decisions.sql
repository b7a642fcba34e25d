with

decisions as (

    select * from {{ ref('champion_decisions') }}

)

select
    decision_number,
    evaluation_date,
    model_id,
    previous_model_id,
    challenger_model_id,
    policy,
    decision,
    is_takeover,
    adjusted_rand_index
from decisions
order by decision_number
