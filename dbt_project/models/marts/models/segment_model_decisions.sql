with

decisions as (

    select * from {{ ref('champion_decisions') }}

),

models as (

    select * from {{ ref('training_models') }}

),

evaluation_dates as (

    select * from {{ ref('monitoring_evaluation_dates') }}

)

select
    decisions.decision_number,
    decisions.evaluation_date,
    decisions.model_id,
    case
        when decisions.is_takeover then decisions.model_id
        else coalesce(decisions.previous_scaling_model_id, decisions.model_id)
    end as scaling_model_id,
    decisions.previous_model_id,
    decisions.challenger_model_id,
    decisions.policy,
    decisions.decision,
    decisions.is_takeover,
    decisions.adjusted_rand_index,
    evaluation_dates.is_live,
    case
        when not decisions.is_takeover and used.candidate_id != challengers.candidate_id
            then
                'The candidate ' || challengers.candidate_id || ' is chosen, but '
                || case
                    when split_part(decisions.policy, ' ', 1) in ('never', 'manual')
                        then 'the policy ' || decisions.policy || ' keeps the model in use.'
                    else
                        'its model of this date is too noisy to be contracted, so that '
                        || used.candidate_id || ' stays in use.'
                end
    end as sentence
from decisions
inner join models as used on decisions.model_id = used.model_id
inner join models as challengers on decisions.challenger_model_id = challengers.model_id
left join evaluation_dates on decisions.evaluation_date = evaluation_dates.evaluation_date
order by decisions.decision_number
