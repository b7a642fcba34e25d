{{ config(enabled=var('source') == 'olist') }}

with

orders as (

    select * from {{ ref('stg_olist__orders_joined') }}

)

-- The files tell of none.
select
    order_id,
    customer_id,
    ordered_at as returned_at,
    cast(0 as decimal(18, 2)) as monetary_value
from orders
where false
