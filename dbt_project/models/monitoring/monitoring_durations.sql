with

clauses as (

    select * from {{ ref('monitoring_clauses') }}
    where clause = 'agreement'

),

models as (

    select * from {{ ref('training_models') }}

),

options as (

    select * from {{ ref('monitoring_contract_options') }}

),

evaluations as (

    select
        models.model_id,
        models.candidate_id as subject,
        'candidate' as subject_kind,
        models.fitted_as_of,
        clauses.weeks,
        clauses.is_broken
    from clauses
    inner join models on clauses.origin_model_id = models.model_id
    -- A model that is too noisy to be contracted does not last long; it says nothing.
    where clauses.is_assessable or clauses.is_broken
    union all
    -- Without a noise floor: options are held against each other by the threshold alone.
    select
        option || ' ' || {{ iso_date('fitted_as_of') }} as model_id,
        option as subject,
        'option' as subject_kind,
        fitted_as_of,
        weeks,
        adjusted_rand_index < {{ agreement_threshold() }} as is_broken
    from options

)

select
    model_id,
    subject,
    subject_kind,
    fitted_as_of,
    'quarter ' || quarter(fitted_as_of) as season,
    min(weeks) filter (where is_broken) as weeks_until_breach,
    coalesce(min(weeks) filter (where is_broken), max(weeks)) as weeks_observed
from evaluations
where weeks > 0
group by 1, 2, 3, 4, 5
order by subject_kind, subject, fitted_as_of
