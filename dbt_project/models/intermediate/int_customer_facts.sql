{{
    config(
        materialized=made_by_change(),
        incremental_strategy='append',
        full_refresh=false,
        tags=['by_change'],
        pre_hook="{{ delete_changed('customer_id', ref('int_changed_customers')) }}",
    )
}}

with

{% if is_incremental() -%}
    changed_customers as (

        select * from {{ ref('int_changed_customers') }}

    ),
{%- endif %}

counted_orders as (

    select * from {{ ref('int_orders') }}
    where
        is_counted
    {%- if is_incremental() %}
        and customer_id in (select changed_customers.customer_id from changed_customers)
    {%- endif %}

),

first_orders as (

    select
        customer_id,
        min(ordered_at) as ordered_at
    from counted_orders
    group by 1

),

{% if is_incremental() -%}
    last_number as (

        select coalesce(max(customer_number), 0) as customer_number
        from (
            select customer_number from {{ this }}
            union all
            select customer_number from changed_customers
        ) as numbers

    ),
{%- endif %}

customers as (

    -- Numbers in the order of first orders: they sort and join several times faster than ids.
    {% if is_incremental() -%}
        -- Who has one keeps it.
        select
            first_orders.customer_id,
            cast(
                coalesce(
                    changed_customers.customer_number,
                    last_number.customer_number + row_number() over (
                        partition by changed_customers.customer_number is null
                        order by first_orders.ordered_at, first_orders.customer_id
                    )
                ) as integer
            ) as customer_number
        from first_orders
        inner join changed_customers on first_orders.customer_id = changed_customers.customer_id
        cross join last_number
    {%- else -%}
        select
            customer_id,
            cast(row_number() over (order by ordered_at, customer_id) as integer)
                as customer_number
        from first_orders
    {%- endif %}

),

orders as (

    select
        counted_orders.*,
        customers.customer_number
    from counted_orders
    inner join customers on counted_orders.customer_id = customers.customer_id

),

order_reviews as (

    select * from {{ ref('stg_order_reviews') }}

),

order_returns as (

    select * from {{ ref('int_order_returns') }}

),

reviews_written as (

    select
        orders.customer_id,
        orders.customer_number,
        orders.order_id,
        -- A review dated before its order counts from the order on.
        greatest(order_reviews.written_at, orders.ordered_at) as written_at,
        order_reviews.review_score
    from orders
    inner join order_reviews on orders.order_id = order_reviews.order_id

),

review_moments as (

    select
        customer_id,
        customer_number,
        order_id,
        written_at,
        count(*) as reviews,
        sum(review_score) as review_scores
    from reviews_written
    group by 1, 2, 3, 4

),

order_scores as (

    select
        customer_id,
        customer_number,
        order_id,
        written_at,
        {{ decimal_of_double(
            'cast(sum(review_scores) over order_so_far as double) / sum(reviews) over order_so_far', 6
        ) }} as score
    from review_moments
    window order_so_far as (
        partition by order_id order by written_at
        rows between unbounded preceding and current row
    )

),

placed as (

    select
        customer_id,
        customer_number,
        order_id,
        'order placed' as fact,
        ordered_at as known_at,
        ordered_at,
        1 as orders,
        monetary_value,
        items,
        0 as delivered_orders,
        0 as delivery_days,
        0 as scored_orders,
        0 as review_score
    from orders

),

delivered as (

    select
        customer_id,
        customer_number,
        order_id,
        'order delivered' as fact,
        delivered_at as known_at,
        ordered_at,
        0 as orders,
        0 as monetary_value,
        0 as items,
        1 as delivered_orders,
        {{ decimal_of_double(seconds_between('ordered_at', 'delivered_at') ~ ' / 86400', 6) }}
            as delivery_days,
        0 as scored_orders,
        0 as review_score
    from orders
    where delivered_at is not null

),

reviewed as (

    -- A further review of an order changes the order's mean score: the fact is the difference.
    select
        customer_id,
        customer_number,
        order_id,
        'order reviewed' as fact,
        written_at as known_at,
        cast(null as timestamp) as ordered_at,
        0 as orders,
        0 as monetary_value,
        0 as items,
        0 as delivered_orders,
        0 as delivery_days,
        case when lag(score) over order_scores_in_time is null then 1 else 0 end as scored_orders,
        score - coalesce(lag(score) over order_scores_in_time, 0) as review_score
    from order_scores
    window order_scores_in_time as (partition by order_id order by written_at)

),

returned as (

    -- An order of which nothing is left counts no more; the newest other one is the last then.
    select
        orders.customer_id,
        orders.customer_number,
        orders.order_id,
        'order returned' as fact,
        order_returns.returned_at as known_at,
        order_returns.last_ordered_at as ordered_at,
        case when order_returns.is_whole then -1 else 0 end as orders,
        -order_returns.monetary_value as monetary_value,
        case when order_returns.is_whole then -orders.items else 0 end as items,
        0 as delivered_orders,
        0 as delivery_days,
        0 as scored_orders,
        0 as review_score
    from order_returns
    inner join orders on order_returns.order_id = orders.order_id

),

unioned as (

    select * from placed
    union all
    select * from delivered
    union all
    select * from reviewed
    union all
    select * from returned

)

select
    customer_id,
    customer_number,
    order_id,
    fact,
    known_at,
    ordered_at,
    orders,
    cast(monetary_value as decimal(18, 2)) as monetary_value,
    items,
    delivered_orders,
    cast(delivery_days as decimal(18, 6)) as delivery_days,
    scored_orders,
    cast(review_score as decimal(18, 6)) as review_score
from unioned
