with

customer_segments as (

    select * from {{ ref('customer_segments') }}

),

orders as (

    select * from {{ ref('int_orders') }}
    where is_counted

),

known_orders as (

    select
        customer_segments.segment_id,
        customer_segments.segment_name,
        orders.customer_id,
        orders.monetary_value,
        cast(date_trunc('month', orders.ordered_at) as date) as month,
        row_number() over (
            partition by orders.customer_id order by orders.ordered_at, orders.order_id
        ) as order_number
    from orders
    inner join customer_segments on orders.customer_id = customer_segments.customer_id
    where orders.ordered_at < customer_segments.as_of

),

aggregated as (

    select
        segment_id,
        segment_name,
        month,
        count(*) as orders,
        count(*) filter (where order_number > 1) as repeat_orders,
        count(distinct customer_id) as customers,
        cast(sum(monetary_value) as decimal(18, 2)) as revenue
    from known_orders
    group by 1, 2, 3

)

select
    *,
    cast(revenue as double) / orders as average_order_value
from aggregated
order by segment_id, month
