{{ config(enabled=var('source') == 'olist', materialized='table') }}

with

orders as (

    select * from {{ ref('stg_olist__orders') }}
    where rejection_reason is null

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
