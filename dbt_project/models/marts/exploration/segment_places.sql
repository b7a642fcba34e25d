with

customer_segments as (

    select * from {{ ref('customer_segments') }}

),

orders as {{ not_materialized() }} (

    select * from {{ ref('int_orders') }}
    where is_counted

),

cutoffs as (

    select cutoff from {{ ref('int_cutoffs') }}
    where is_as_of

),

known_orders as {{ not_materialized() }} (

    select
        orders.customer_id,
        orders.order_id,
        orders.ordered_at,
        coalesce(orders.state, 'unknown') as place
    from orders
    inner join cutoffs on orders.ordered_at < cutoffs.cutoff

),

customers as (

    select
        customer_id,
        min(place) as place,
        min(place) != max(place) as has_moved
    from known_orders
    group by 1

),

moved as (

    select
        customer_id,
        max_by(place, (ordered_at, order_id)) as place
    from known_orders
    where
        customer_id in (
            select customers.customer_id from customers
            where customers.has_moved
        )
    group by 1

),

places as (

    -- A customer lives where the newest order went. Few have moved.
    select
        customers.customer_id,
        coalesce(moved.place, customers.place) as place
    from customers
    left join moved on customers.customer_id = moved.customer_id

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
