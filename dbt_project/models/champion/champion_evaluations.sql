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
        bool_or(is_close or is_broken) as is_alarming
    from clauses
    group by 1, 2

)

-- A champion of another candidate has no refit to be compared with.
select
    decisions.previous_model_id as origin_model_id,
    decisions.challenger_model_id as model_id,
    decisions.evaluation_date,
    cast(any_value(model_pairs.weeks) as double) as weeks,
    bool_or(decisions.is_takeover) as is_takeover,
    any_value(findings.is_alarming) as is_alarming
from decisions
inner join model_pairs
    on
        decisions.previous_model_id = model_pairs.origin_model_id
        and decisions.challenger_model_id = model_pairs.model_id
inner join findings
    on
        model_pairs.origin_model_id = findings.origin_model_id
        and model_pairs.model_id = findings.model_id
where decisions.previous_model_id != decisions.challenger_model_id
group by 1, 2, 3
order by decisions.evaluation_date, decisions.previous_model_id
