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

customer_facts as (

    select * from {{ ref('int_customer_facts') }}
    {%- if is_incremental() %}
        where customer_id in (
            select changed.customer_id from {{ ref('int_changed_customers') }} as changed
        )
    {%- endif %}

),

orders as (

    select
        customer_id,
        customer_number,
        order_id,
        ordered_at,
        known_at,
        orders,
        monetary_value
    from customer_facts
    where fact = 'order placed'

),

order_returns as (

    select
        orders.customer_id,
        orders.customer_number,
        orders.order_id,
        orders.ordered_at,
        customer_facts.known_at,
        customer_facts.orders,
        customer_facts.monetary_value
    from customer_facts
    inner join orders on customer_facts.order_id = orders.order_id
    where customer_facts.fact = 'order returned'

),

unioned as (

    select * from orders
    union all
    select * from order_returns

),

moments as (

    select
        customer_id,
        customer_number,
        cast(ordered_at as date) as ordered_on,
        known_at,
        min(ordered_at) as ordered_at,
        sum(orders) as orders,
        sum(monetary_value) as monetary_value
    from unioned
    group by 1, 2, 3, 4

),

accumulated as (

    select
        customer_id,
        customer_number,
        ordered_on,
        known_at as valid_from,
        lead(known_at, 1, {{ end_of_time() }}) over day_in_time as valid_to,
        min(ordered_at) over so_far as ordered_at,
        sum(orders) over so_far as orders,
        cast(sum(monetary_value) over so_far as decimal(18, 2)) as monetary_value
    from moments
    window
        day_in_time as (partition by customer_number, ordered_on order by known_at),
        so_far as (
            partition by customer_number, ordered_on order by known_at
            rows between unbounded preceding and current row
        )

)

-- A day of which every order was returned is none from then on.
select {{ star_except(['orders']) }} from accumulated
where orders > 0
order by customer_number, ordered_on, valid_from
