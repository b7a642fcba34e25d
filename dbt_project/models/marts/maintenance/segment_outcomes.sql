with

outcomes as (

    select * from {{ ref('champion_segment_outcomes') }}

),

segments as (

    select * from {{ ref('champion_segments') }}

),

named as (

    -- The name that the segment had then.
    select
        outcomes.*,
        segments.segment_name,
        cast(outcomes.revenue as double) / outcomes.customers as mean_revenue,
        -- A mean of few buyers is not normal.
        case
            when outcomes.buyers >= 30
                then
                    1.9599640 * sqrt(
                        greatest(
                            outcomes.revenue_squares
                            - cast(outcomes.revenue as double) * cast(outcomes.revenue as double)
                            / outcomes.customers,
                            0
                        )
                        / (outcomes.customers - 1)
                        / outcomes.customers
                    )
        end as half_width
    from outcomes
    left join segments
        on
            outcomes.segment_id = segments.segment_id
            and outcomes.evaluation_date >= segments.champion_from
            and outcomes.evaluation_date < coalesce(segments.champion_to, {{ end_of_time() }})

)

select
    segment_id,
    segment_name,
    evaluation_date,
    horizon_days,
    customers,
    buyers,
    cast(buyers as double) / customers as buyer_share,
    greatest({{ wilson('buyers', 'customers', '-') }}, 0) as buyer_share_low,
    least({{ wilson('buyers', 'customers', '+') }}, 1) as buyer_share_high,
    orders,
    revenue,
    mean_revenue,
    mean_revenue - half_width as mean_revenue_low,
    mean_revenue + half_width as mean_revenue_high
from named
order by segment_id, evaluation_date, horizon_days
