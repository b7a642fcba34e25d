-- What the accepted payments of known orders sum up to is what the orders carry.
{{ config(enabled=var('source') == 'olist') }}

with

paid as (

    select coalesce(sum(order_payments.payment_value), 0) as total
    from {{ ref('stg_olist__order_payments') }} as order_payments
    semi join {{ ref('stg_olist__orders_joined') }} as orders
        on order_payments.order_id = orders.order_id
    where order_payments.rejection_reason is null

),

carried as (

    select coalesce(sum(payment_value), 0) as total
    from {{ ref('stg_olist__orders_joined') }}

)

select
    paid.total as paid,
    carried.total as carried
from paid
cross join carried
where paid.total != carried.total
