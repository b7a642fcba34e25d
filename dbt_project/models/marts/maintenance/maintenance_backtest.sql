with

models as (

    select * from {{ ref('segment_models') }}

),

decisions as (

    select * from {{ ref('segment_model_decisions') }}

),

durations as (

    select * from {{ ref('monitoring_durations') }}
    where subject_kind = 'candidate'

),

forecasts as (

    select * from {{ ref('monitoring_forecasts') }}

),

intervals as (

    select * from {{ ref('monitoring_intervals') }}
    where subject_kind = 'candidate'

),

newest as ({{ newest_candidate('models') }}),

evaluation_dates as (

    select distinct evaluation_date from decisions

),

in_use as (

    -- A date may have a second decision, which holds.
    select
        evaluation_date,
        max_by(model_id, decision_number) as model_id
    from decisions
    group by 1

),

subjects as (

    select
        'champion' as subject,
        in_use.evaluation_date,
        models.model_id,
        models.candidate_id,
        models.fitted_as_of
    from in_use
    inner join models on in_use.model_id = models.model_id
    union all
    select
        'any start' as subject,
        evaluation_dates.evaluation_date,
        models.model_id,
        models.candidate_id,
        models.fitted_as_of
    from models
    inner join newest on models.candidate_id = newest.candidate_id
    inner join evaluation_dates on models.fitted_as_of <= evaluation_dates.evaluation_date

),

followed as (

    select
        subjects.*,
        durations.weeks_until_breach,
        durations.weeks_observed,
        {{ dbt.datediff('subjects.fitted_as_of', 'subjects.evaluation_date', 'day') }}
        / 7e0 as weeks
    from subjects
    left join durations on subjects.model_id = durations.model_id

),

forecast as (

    select
        followed.*,
        forecasts.status,
        forecasts.settled_dates,
        forecasts.not_before_kept,
        forecasts.by_kept,
        case when forecasts.status = 'issued' then forecasts.not_before_weeks end
            as not_before_weeks,
        case when forecasts.status = 'issued' then forecasts.most_likely_weeks end
            as most_likely_weeks,
        case when forecasts.status = 'issued' then forecasts.by_weeks end as by_weeks
    from followed
    left join forecasts
        on
            followed.candidate_id = forecasts.subject
            and followed.evaluation_date = forecasts.evaluation_date
            and round(followed.weeks * 7) = round(forecasts.weeks * 7)
            -- A model that is broken, or too noisy to be contracted, has no contract to break.
            and coalesce(followed.weeks_until_breach > followed.weeks, true)
            and coalesce(followed.weeks_observed >= followed.weeks, followed.weeks = 0)
    where
        followed.subject = 'champion'
        or (
            coalesce(followed.weeks_until_breach > followed.weeks, true)
            and coalesce(followed.weeks_observed >= followed.weeks, followed.weeks = 0)
        )

),

settled as (

    -- A forecast is settled when its date comes, not before: else early breaks would count first.
    select
        *,
        case
            when weeks_until_breach is not null or weeks_observed >= not_before_weeks
                then
                    fitted_as_of + cast(round(not_before_weeks * 7) as integer) * interval '1' day
        end as not_before_date,
        case
            when weeks_until_breach is not null or weeks_observed >= by_weeks
                then fitted_as_of + cast(round(by_weeks * 7) as integer) * interval '1' day
        end as by_date,
        coalesce(weeks_until_breach >= not_before_weeks, true) as would_keep_not_before,
        coalesce(weeks_until_breach <= by_weeks, false) as would_keep_by
    from forecast

),

claims as (

    select
        subject,
        not_before_date as claim_date,
        would_keep_not_before as keeps_not_before,
        cast(null as boolean) as keeps_by
    from settled
    where not_before_date is not null
    union all
    select
        subject,
        by_date as claim_date,
        cast(null as boolean) as keeps_not_before,
        would_keep_by as keeps_by
    from settled
    where by_date is not null

),

records as (

    select
        claims.subject,
        evaluation_dates.evaluation_date,
        count(claims.keeps_not_before) as settled_not_before,
        count(claims.keeps_by) as settled_by,
        count(*) filter (where claims.keeps_not_before) as kept_not_before,
        count(*) filter (where claims.keeps_by) as kept_by
    from evaluation_dates
    inner join claims on evaluation_dates.evaluation_date >= claims.claim_date
    group by 1, 2

),

newest_evaluation as (

    select max(evaluation_date) as evaluation_date from evaluation_dates

)

select
    settled.subject,
    settled.evaluation_date,
    settled.model_id,
    settled.weeks,
    case
        when settled.status is not null then settled.status
        when settled.weeks_until_breach <= settled.weeks then 'the contract is broken'
        when settled.weeks_observed < settled.weeks or settled.weeks = 0 then 'not evaluated'
        else 'no contract to forecast'
    end as status,
    settled.not_before_weeks,
    settled.most_likely_weeks,
    settled.by_weeks,
    settled.weeks_until_breach,
    case
        when settled.not_before_date <= newest_evaluation.evaluation_date
            then settled.would_keep_not_before
    end as is_not_before_kept,
    case
        when settled.by_date <= newest_evaluation.evaluation_date then settled.would_keep_by
    end as is_by_kept,
    coalesce(records.settled_not_before, 0) as settled_not_before,
    records.kept_not_before / nullif(cast(records.settled_not_before as double), 0)
        as not_before_kept_share,
    coalesce(records.settled_by, 0) as settled_by,
    records.kept_by / nullif(cast(records.settled_by as double), 0) as by_kept_share,
    coalesce(settled.settled_dates, 0) as tried_dates,
    settled.not_before_kept as tried_not_before_kept_share,
    settled.by_kept as tried_by_kept_share,
    cast(intervals.interval_weeks as integer) as interval_weeks,
    coalesce(intervals.later_starts, 0) as later_starts,
    intervals.later_kept as later_kept_share,
    settled.evaluation_date = newest_evaluation.evaluation_date as is_newest
from settled
cross join newest_evaluation
left join records
    on
        settled.subject = records.subject
        and settled.evaluation_date = records.evaluation_date
left join intervals
    on
        settled.candidate_id = intervals.subject
        and settled.evaluation_date = intervals.evaluation_date
order by settled.subject desc, settled.evaluation_date asc, settled.model_id asc
