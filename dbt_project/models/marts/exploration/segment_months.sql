with

customer_segments as (

    select * from {{ ref('customer_segments') }}

),

orders as (

    select * from {{ ref('int_orders') }}
    where is_counted

),

cutoffs as (

    select cutoff from {{ ref('int_cutoffs') }}
    where is_as_of

),

months_of_customers as (

    -- Of each customer one order, in the month of the first one, is no repeat order.
    select
        orders.customer_id,
        date_trunc('month', orders.ordered_at) as month,
        count(*) as orders,
        sum(orders.monetary_value) as revenue,
        min(orders.ordered_at) as first_ordered_at
    from orders
    inner join cutoffs on orders.ordered_at < cutoffs.cutoff
    group by 1, 2

),

first_orders as (

    select
        customer_id,
        min(first_ordered_at) as first_ordered_at
    from months_of_customers
    group by 1

),

aggregated as (

    select
        customer_segments.segment_id,
        customer_segments.segment_name,
        cast(months_of_customers.month as date) as month,
        cast(sum(months_of_customers.orders) as bigint) as orders,
        cast(
            sum(months_of_customers.orders)
            - count(*) filter (
                where months_of_customers.first_ordered_at = first_orders.first_ordered_at
            ) as bigint
        ) as repeat_orders,
        count(*) as customers,
        cast(sum(months_of_customers.revenue) as decimal(18, 2)) as revenue
    from months_of_customers
    inner join first_orders on months_of_customers.customer_id = first_orders.customer_id
    inner join customer_segments on months_of_customers.customer_id = customer_segments.customer_id
    group by 1, 2, 3

)

select
    *,
    cast(revenue as double) / orders as average_order_value
from aggregated
order by segment_id, month
