with

clauses as (

    select * from {{ ref('monitoring_clauses') }} as judged
    where {{ is_reading_in_use('judged') }}

),

models as (

    select * from {{ ref('training_models') }}

),

options as (

    select * from {{ ref('monitoring_contract_options') }}

),

endings as (

    -- Any clause of severity error ends a contract; agreement is named where several do at once.
    select
        origin_model_id,
        weeks,
        bool_or(is_contract_broken) as is_broken,
        coalesce(
            max(case when is_contract_broken and clause = 'agreement' then clause end),
            min(case when is_contract_broken then clause end)
        ) as ended_by,
        bool_or(is_live) as is_live,
        bool_or(clause = 'agreement' and is_assessable) as is_assessable
    from clauses
    group by 1, 2

),

live_origins as (

    select origin_model_id from clauses
    where clause = 'agreement' and origin_model_id = model_id and is_live

),

evaluations as (

    select
        models.model_id,
        models.candidate_id as subject,
        'candidate' as subject_kind,
        models.fitted_as_of,
        endings.weeks,
        endings.is_broken,
        endings.ended_by
    from endings
    inner join models on endings.origin_model_id = models.model_id
    -- Of a model that is fitted, or evaluated, while nobody orders, nothing is learnt; nor where
    -- fits are too noisy to be contracted.
    where
        endings.is_live
        and (endings.is_assessable or endings.is_broken)
        and models.model_id in (select live_origins.origin_model_id from live_origins)
    union all
    -- Without a noise floor: options are held against each other by the threshold alone.
    select
        option || ' ' || {{ iso_date('fitted_as_of') }} as model_id,
        option as subject,
        'option' as subject_kind,
        fitted_as_of,
        weeks,
        adjusted_rand_index < {{ agreement_threshold() }} as is_broken,
        'agreement' as ended_by
    from options

)

select
    model_id,
    subject,
    subject_kind,
    fitted_as_of,
    'quarter ' || quarter(fitted_as_of) as season,
    min(weeks) filter (where is_broken) as weeks_until_breach,
    coalesce(min(weeks) filter (where is_broken), max(weeks)) as weeks_observed,
    min_by(ended_by, weeks) filter (where is_broken) as ended_by
from evaluations
where weeks > 0
group by 1, 2, 3, 4, 5
order by subject_kind, subject, fitted_as_of
