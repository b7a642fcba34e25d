with

decisions as (

    select * from {{ ref('champion_decisions') }}

),

model_pairs as (

    select * from {{ ref('monitoring_model_pairs') }}

),

clauses as (

    select * from {{ ref('monitoring_clauses') }}

),

findings as (

    select
        origin_model_id,
        model_id,
        is_recentred,
        bool_or(is_close or is_broken) as is_alarming
    from clauses
    group by 1, 2, 3

),

met as (

    select
        previous_model_id as origin_model_id,
        challenger_model_id as model_id,
        evaluation_date,
        bool_or(is_takeover) as is_takeover,
        max_by(
            coalesce(previous_scaling_model_id = challenger_model_id, false), decision_number
        ) as is_recentred
    from decisions
    where previous_model_id != challenger_model_id
    group by 1, 2, 3

)

-- A champion of another candidate has no refit to be compared with.
select
    met.origin_model_id,
    met.model_id,
    met.evaluation_date,
    cast(model_pairs.weeks as double) as weeks,
    met.is_takeover,
    met.is_recentred,
    findings.is_alarming
from met
inner join model_pairs
    on
        met.origin_model_id = model_pairs.origin_model_id
        and met.model_id = model_pairs.model_id
        and met.evaluation_date = model_pairs.evaluation_date
inner join findings
    on
        met.origin_model_id = findings.origin_model_id
        and met.model_id = findings.model_id
        and met.is_recentred = findings.is_recentred
order by met.evaluation_date, met.origin_model_id
