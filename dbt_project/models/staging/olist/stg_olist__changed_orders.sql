{{ config(enabled=var('source') == 'olist', materialized='table') }}

with

orders as {{ not_materialized() }} (

    select
        order_id,
        customer_id as order_customer_id,
        {{ is_new_row('olist_orders_dataset') }} as is_new
    from {{ source('olist', 'orders') }}

),

customers as {{ not_materialized() }} (

    select
        customer_id as order_customer_id,
        customer_unique_id as customer_id,
        {{ is_new_row('olist_customers_dataset') }} as is_new
    from {{ source('olist', 'customers') }}

),

new_products as (

    -- Those of a category that is translated now among them.
    select product_id from {{ source('olist', 'products') }}
    where
        {{ is_new_row('olist_products_dataset') }}
        or product_category_name in (
            select translated.product_category_name
            from {{ source('olist', 'product_category_name_translation') }} as translated
            where {{ is_new_row('product_category_name_translation') }}
        )

),

changed as {{ materialized() }} (

    select order_id from orders
    where is_new
    union
    select orders.order_id
    from orders
    inner join customers on orders.order_customer_id = customers.order_customer_id
    where customers.is_new
    union
    select order_id from {{ source('olist', 'order_items') }}
    where
        {{ is_new_row('olist_order_items_dataset') }}
        or product_id in (select new_products.product_id from new_products)
    union
    select order_id from {{ source('olist', 'order_payments') }}
    where {{ is_new_row('olist_order_payments_dataset') }}
    union
    select order_id from {{ source('olist', 'order_reviews') }}
    where {{ is_new_row('olist_order_reviews_dataset') }}

),

-- Few of all orders and customers are looked up.
changed_orders as {{ materialized() }} (

    select
        order_id,
        order_customer_id
    from orders
    where order_id in (select changed.order_id from changed)

),

their_customers as (

    select
        order_customer_id,
        customer_id
    from customers
    where
        order_customer_id in (select changed_orders.order_customer_id from changed_orders)

)

-- Of a repeated order all customers that the raw files name: it may have changed hands.
select distinct
    changed.order_id,
    their_customers.customer_id
from changed
left join changed_orders on changed.order_id = changed_orders.order_id
left join their_customers
    on changed_orders.order_customer_id = their_customers.order_customer_id
