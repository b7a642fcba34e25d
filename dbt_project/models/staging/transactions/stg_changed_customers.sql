{{ config(enabled=var('source') in ['transactions', 'relations']) }}

with

orders as (

    select * from {{ ref('stg_orders') }}

)

-- Which rows are new is not known: all is made whole.
select customer_id from orders
where false
