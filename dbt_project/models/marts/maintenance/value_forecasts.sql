with

forecasts as (

    select * from {{ ref('champion_judged_forecasts') }}

),

segments as (

    select * from {{ ref('champion_segments') }}

),

named as (

    -- The name that the segment had then.
    select
        forecasts.*,
        segments.segment_name
    from forecasts
    left join segments
        on
            forecasts.segment_id = segments.segment_id
            and forecasts.evaluation_date >= segments.champion_from
            and forecasts.evaluation_date < coalesce(segments.champion_to, {{ end_of_time() }})

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
    from forecasts
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
