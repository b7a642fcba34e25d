{#- Neighbouring dates are about the same models: fewer show little. -#}
{%- set least_past_dates = 40 -%}

with

intervals as (

    select * from {{ ref('monitoring_intervals') }}

),

summed_up as (

    select
        subject_kind,
        subject,
        max_by(starts, evaluation_date) as starts,
        max_by(breached_starts, evaluation_date) as breached_starts,
        cast(max_by(interval_weeks, evaluation_date) as integer) as kept_interval_weeks,
        count(*) filter (where later_starts > 0) as past_dates,
        {{ mean_in_order('later_kept', ['evaluation_date']) }} as later_kept
    from intervals
    group by 1, 2

)

select
    *,
    case
        when
            past_dates >= {{ least_past_dates }}
            and later_kept >= {{ var('schedule_probability') }}
            then kept_interval_weeks
    end as recommended_interval_weeks
from summed_up
order by subject_kind, subject
