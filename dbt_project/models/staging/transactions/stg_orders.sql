{{ config(enabled=var('source') in ['transactions', 'relations']) }}

with

orders as (

    select * from {{ ref('stg_transactions__aggregated_to_orders') }}

)

select
    order_id,
    customer_id,
    ordered_at,
    order_status,
    monetary_value,
    is_refunded,
    items,
    main_category,
    state,
    city,
    delivered_at,
    promised_at
from orders
