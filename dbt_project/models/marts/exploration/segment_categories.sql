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
        orders.monetary_value,
        coalesce(orders.main_category, 'unknown') as category
    from orders
    inner join customer_segments on orders.customer_id = customer_segments.customer_id
    where orders.ordered_at < customer_segments.as_of

),

aggregated as (

    select
        segment_id,
        segment_name,
        category,
        count(*) as orders,
        cast(sum(monetary_value) as decimal(18, 2)) as revenue
    from known_orders
    group by 1, 2, 3

),

shares as (

    select
        *,
        orders / sum(orders) over (partition by segment_id) as share_of_segment,
        sum(orders) over (partition by category) / sum(orders) over () as share_of_orders
    from aggregated

)

select
    *,
    share_of_segment / share_of_orders as index_to_all
from shares
order by segment_id, category
