{{ config(enabled=var('source') == 'olist') }}

with

changed_orders as (

    select * from {{ ref('stg_olist__changed_orders') }}

)

select distinct customer_id from changed_orders
where customer_id is not null
