{{ config(enabled=var('source') == 'olist') }}

with

orders as (

    select * from {{ ref('stg_olist__orders_joined') }}

)

select
    order_id,
    customer_id,
    ordered_at,
    order_status,
    cast(monetary_value as decimal(18, 2)) as monetary_value,
    false as is_refunded,
    items,
    main_category,
    state,
    city,
    delivered_at,
    promised_at
from orders
