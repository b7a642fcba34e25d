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

    select * from {{ ref('stg_olist__orders') }}
    where
        rejection_reason is null
    {%- if is_incremental() %}
        and order_id in (
            select changed.order_id from {{ ref('stg_olist__changed_orders') }} as changed
        )
    {%- endif %}

),

customers as (

    select * from {{ ref('stg_olist__customers') }}
    where rejection_reason is null

)

-- An order whose customer is unknown stays out; the ledger counts it.
select
    orders.order_id,
    customers.customer_id,
    customers.state,
    customers.city,
    orders.order_status,
    orders.ordered_at,
    orders.delivered_at,
    orders.promised_at
from orders
inner join customers on orders.order_customer_id = customers.order_customer_id
