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
        coalesce(orders.delivered_at < cutoffs.cutoff, false) as is_delivered
    from orders
    inner join cutoffs on orders.ordered_at < cutoffs.cutoff

),

customers as (

    select
        customer_id,
        count(*) as orders
    from known_orders
    where is_counted
    group by 1

),

stages as (

    -- Each stage is a part of the one before it.
    select
        'orders' as funnel,
        1 as stage_number,
        'placed' as stage,
        count(*) as quantity
    from known_orders
    union all
    select
        'orders' as funnel,
        2 as stage_number,
        'counted' as stage,
        count(*) as quantity
    from known_orders
    where is_counted
    union all
    select
        'orders' as funnel,
        3 as stage_number,
        'delivered' as stage,
        count(*) as quantity
    from known_orders
    where is_counted and is_delivered
    union all
    select
        'orders' as funnel,
        4 as stage_number,
        'reviewed' as stage,
        count(*) as quantity
    from known_orders
    where is_counted and is_delivered and scored_reviews > 0
    {% for orders in range(1, 5) %}
        union all
        select
            'customers' as funnel,
            {{ orders }} as stage_number,
            '{{ ["first", "second", "third", "fourth"][loop.index0] }} order' as stage,
            count(*) as quantity
        from customers
        where orders >= {{ orders }}
    {% endfor %}

)

select
    *,
    quantity / nullif(first_value(quantity) over in_order_of_stages, 0) as share_of_first,
    quantity / nullif(lag(quantity) over in_order_of_stages, 0) as share_of_previous
from stages
window in_order_of_stages as (partition by funnel order by stage_number)
order by funnel, stage_number
