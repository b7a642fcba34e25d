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

places as (

    -- A customer lives where the newest order went.
    select
        orders.customer_id,
        max_by(coalesce(orders.state, 'unknown'), (orders.ordered_at, orders.order_id)) as place
    from orders
    inner join cutoffs on orders.ordered_at < cutoffs.cutoff
    group by 1

),

aggregated as (

    select
        customer_segments.segment_id,
        customer_segments.segment_name,
        places.place,
        count(*) as customers,
        cast(sum(customer_segments.monetary_value) as decimal(18, 2)) as revenue
    from places
    inner join customer_segments on places.customer_id = customer_segments.customer_id
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
