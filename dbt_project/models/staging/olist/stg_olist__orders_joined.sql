{{
    config(
        enabled=var('source') == 'olist',
        materialized=made_by_change(),
        incremental_strategy='append',
        full_refresh=false,
        tags=['by_change'],
        pre_hook="{{ delete_changed('order_id', ref('stg_olist__changed_orders')) }}",
    )
}}

with

orders as (

    -- A table of its own: all joined in one go, memory would hold the orders several times.
    select * from {{ ref('stg_olist__orders_joined_to_customers') }}
    {%- if is_incremental() %}
        where order_id in (
            select changed.order_id from {{ ref('stg_olist__changed_orders') }} as changed
        )
    {%- endif %}

),

items as (

    select * from {{ ref('stg_olist__order_items_aggregated_to_orders') }}

),

payments as (

    select * from {{ ref('stg_olist__order_payments_aggregated_to_orders') }}

),

reviews as (

    select * from {{ ref('stg_olist__order_reviews_aggregated_to_orders') }}

),

joined as (

    select
        orders.order_id,
        orders.customer_id,
        orders.state,
        orders.city,
        orders.order_status,
        orders.ordered_at,
        orders.delivered_at,
        orders.promised_at,
        items.main_category,
        coalesce(items.items, 0) as items,
        coalesce(items.items_value, 0) as items_value,
        coalesce(items.freight_value, 0) as freight_value,
        coalesce(payments.payments, 0) as payments,
        payments.payment_value,
        coalesce(reviews.reviews, 0) as reviews,
        coalesce(reviews.scored_reviews, 0) as scored_reviews
    from orders
    left join items on orders.order_id = items.order_id
    left join payments on orders.order_id = payments.order_id
    left join reviews on orders.order_id = reviews.order_id

),

valued as (

    select
        *,
        coalesce(payment_value, items_value + freight_value) as monetary_value,
        payment_value is null as is_valued_by_items
    from joined

)

select * from valued
