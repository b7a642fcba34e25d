{%- set days = 7 * var('evaluation_interval_weeks') -%}

with

forecasts as (

    select * from {{ ref('champion_value_forecasts') }}

),

evaluation_dates as (

    select * from {{ ref('monitoring_evaluation_dates') }}

),

stopped as (

    -- Horizons in which orders stopped coming in: what customers did then is not known.
    select distinct
        forecasts.evaluation_date,
        forecasts.horizon_days
    from forecasts
    inner join evaluation_dates
        on
            not evaluation_dates.is_live
            and forecasts.evaluation_date <= evaluation_dates.evaluation_date
            and forecasts.evaluation_date
            + (forecasts.horizon_days + {{ days }}) * interval '1' day
            > evaluation_dates.evaluation_date

)

select
    forecasts.evaluation_date,
    forecasts.horizon_days,
    forecasts.segment_id,
    forecasts.customers,
    forecasts.expected_orders,
    forecasts.orders,
    forecasts.expected_revenue,
    forecasts.revenue
from forecasts
anti join stopped
    on
        forecasts.evaluation_date = stopped.evaluation_date
        and forecasts.horizon_days = stopped.horizon_days
order by forecasts.evaluation_date, forecasts.horizon_days, forecasts.segment_id
