with

customer_segments as (

    select * from {{ ref('customer_segments') }}

),

orders as (

    select * from {{ ref('int_orders') }}
    where is_counted

),

latest_orders as (

    -- A customer lives where the newest order went.
    select
        customer_segments.segment_id,
        customer_segments.segment_name,
        customer_segments.monetary_value,
        coalesce(orders.state, 'unknown') as place,
        row_number() over (
            partition by orders.customer_id order by orders.ordered_at desc, orders.order_id desc
        ) as order_number_from_newest
    from orders
    inner join customer_segments on orders.customer_id = customer_segments.customer_id
    where orders.ordered_at < customer_segments.as_of

),

aggregated as (

    select
        segment_id,
        segment_name,
        place,
        count(*) as customers,
        cast(sum(monetary_value) as decimal(18, 2)) as revenue
    from latest_orders
    where order_number_from_newest = 1
    group by 1, 2, 3

),

shares as (

    select
        *,
        customers / sum(customers) over (partition by segment_id) as share_of_segment,
        sum(customers) over (partition by place) / sum(customers) over () as share_of_customers
    from aggregated

)

select
    *,
    share_of_segment / share_of_customers as index_to_all
from shares
order by segment_id, place
