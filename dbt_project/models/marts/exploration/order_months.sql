with

orders as (

    select * from {{ ref('int_orders') }}

),

cutoffs as (

    select * from {{ ref('int_cutoffs') }}
    where is_as_of

),

known_orders as (

    select
        orders.*,
        cast(date_trunc('month', orders.ordered_at) as date) as month,
        row_number() over (
            partition by orders.customer_id, orders.is_counted
            order by orders.ordered_at, orders.order_id
        ) as order_number
    from orders
    inner join cutoffs on orders.ordered_at < cutoffs.cutoff

),

aggregated as (

    select
        month,
        count(*) as orders,
        count(*) filter (where is_counted) as counted_orders,
        count(distinct case when is_counted then customer_id end) as customers,
        count(*) filter (where is_counted and order_number = 1) as new_customers,
        cast(
            coalesce(sum(case when is_counted then monetary_value end), 0) as decimal(18, 2)
        ) as revenue
    from known_orders
    group by 1

)

select
    *,
    cast(revenue as double) / nullif(counted_orders, 0) as average_order_value
from aggregated
order by month
