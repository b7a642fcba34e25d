{%- set days = 7 * var('evaluation_interval_weeks') -%}

with

forecasts as (

    select * from {{ ref('champion_value_forecasts') }}

),

evaluation_dates as (

    select * from {{ ref('monitoring_evaluation_dates') }}

),

segments as (

    select * from {{ ref('champion_segments') }}

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

),

passed as (

    select forecasts.*
    from forecasts
    anti join stopped
        on
            forecasts.evaluation_date = stopped.evaluation_date
            and forecasts.horizon_days = stopped.horizon_days

),

named as (

    -- The name that the segment had then.
    select
        passed.*,
        segments.segment_name
    from passed
    left join segments
        on
            passed.segment_id = segments.segment_id
            and passed.evaluation_date >= segments.champion_from
            and passed.evaluation_date < coalesce(segments.champion_to, {{ end_of_time() }})

),

unioned as (

    select
        evaluation_date,
        horizon_days,
        segment_id,
        segment_name,
        customers,
        expected_orders,
        orders,
        expected_revenue,
        -- Without money what came is worth nothing.
        case when expected_revenue is not null then revenue end as revenue
    from named
    union all
    select
        evaluation_date,
        horizon_days,
        0 as segment_id,
        'All customers' as segment_name,
        cast(sum(customers) as bigint) as customers,
        {{ sum_in_order('expected_orders', by=['segment_id']) }} as expected_orders,
        cast(sum(orders) as bigint) as orders,
        {{ sum_in_order('expected_revenue', by=['segment_id']) }} as expected_revenue,
        cast(
            sum(case when expected_revenue is not null then revenue end) as decimal(18, 2)
        ) as revenue
    from passed
    group by 1, 2

)

select
    *,
    -- Of few orders a ratio is chance.
    case when orders >= 30 and expected_orders > 0 then orders / expected_orders end
        as orders_ratio,
    case
        when orders >= 30 and expected_revenue > 0
            then cast(revenue as double) / expected_revenue
    end as revenue_ratio
from unioned
order by evaluation_date, horizon_days, segment_id
