{{ config(enabled=var('source') == 'olist', materialized='table') }}

with

order_payments as (

    select * from {{ ref('stg_olist__order_payments') }}
    where rejection_reason is null

),

aggregated_to_orders as (

    select
        order_id,
        cast(count(*) as integer) as payments,
        -- Null when no payment of the order has a value, so that the items can stand in for it.
        cast(sum(payment_value) as decimal(18, 2)) as payment_value
    from order_payments
    group by 1

)

select * from aggregated_to_orders
