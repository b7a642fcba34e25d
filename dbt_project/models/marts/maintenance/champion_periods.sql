with

takeovers as (

    -- The champion before was judged re-centred, where it was scored so.
    select
        *,
        lead(reason) over (order by champion_period) as reason_of_end,
        lead(previous_scaling_model_id) over (order by champion_period) is not null
            as is_recentred_at_end
    from {{ ref('champion_takeovers') }}

),

clauses as (

    select * from {{ ref('monitoring_clauses') }}
    where is_contract_broken

),

segments as (

    select * from {{ ref('champion_segments') }}

),

decisions as (

    select max(evaluation_date) as newest_evaluation_date
    from {{ ref('champion_decisions') }}

),

broken_clauses as (

    -- At the end of a period; of several clauses the first one that broke, agreement before others.
    select
        takeovers.champion_period,
        clauses.clause,
        clauses.origin_cluster,
        clauses.broken_since,
        clauses.value_when_broken,
        clauses.threshold
    from takeovers
    inner join clauses
        on
            takeovers.model_id = clauses.origin_model_id
            and takeovers.champion_to = clauses.evaluation_date
            and takeovers.is_recentred_at_end = clauses.is_recentred
    qualify
        row_number() over (
            partition by takeovers.champion_period
            order by
                clauses.broken_since asc,
                clauses.clause = 'agreement' desc,
                clauses.value_when_broken asc,
                clauses.origin_cluster asc
        ) = 1

),

periods as (

    select
        takeovers.*,
        {{ dbt.datediff(
            'takeovers.champion_from',
            'coalesce(takeovers.champion_to, decisions.newest_evaluation_date)',
            'day'
        ) }}
        / 7e0 as weeks
    from takeovers
    cross join decisions

)

select
    periods.champion_period,
    periods.model_id,
    periods.champion_from,
    periods.champion_to,
    cast(periods.weeks as double) as weeks,
    case
        when periods.reason_of_end = 'breach' and broken_clauses.clause = 'segment'
            then coalesce('segment ' || segments.segment_id, 'segment')
        when periods.reason_of_end = 'breach'
            then replace(broken_clauses.clause, '_', ' ')
        else periods.reason_of_end
    end as ended_by,
    case when periods.reason_of_end = 'breach' then broken_clauses.value_when_broken end
        as measured_value,
    case when periods.reason_of_end = 'breach' then broken_clauses.threshold end as threshold
from periods
left join broken_clauses on periods.champion_period = broken_clauses.champion_period
left join segments
    on
        periods.champion_period = segments.champion_period
        and broken_clauses.origin_cluster = segments.cluster
order by periods.champion_period
