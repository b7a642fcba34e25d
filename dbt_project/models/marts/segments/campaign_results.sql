with

arms as (

    select * from {{ ref('campaign_arms') }}

),

figures as (

    select * from {{ ref('campaign_figures') }}

)

select
    treated.campaign,
    treated.audience,
    treated.starts_on,
    treated.ends_on,
    figures.status,
    figures.verdict,
    treated.customers as treated_customers,
    held_out.customers as held_out_customers,
    treated.buyers as treated_buyers,
    held_out.buyers as held_out_buyers,
    treated.orders as treated_orders,
    held_out.orders as held_out_orders,
    treated.revenue as treated_revenue,
    held_out.revenue as held_out_revenue,
    figures.buyer_share_difference,
    figures.buyer_share_difference_low,
    figures.buyer_share_difference_high,
    figures.buyer_share_method,
    figures.revenue_difference,
    figures.revenue_difference_low,
    figures.revenue_difference_high,
    figures.revenue_method,
    treated.holdout_share,
    figures.split_p_value,
    figures.usual_buyer_share,
    figures.smallest_difference,
    figures.sentence,
    treated.as_of
from arms as treated
inner join arms as held_out
    on treated.campaign = held_out.campaign and held_out.is_held_out
inner join figures on treated.campaign = figures.campaign
where not treated.is_held_out
order by treated.campaign
