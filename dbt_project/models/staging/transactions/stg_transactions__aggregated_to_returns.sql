{{ config(enabled=var('source') in ['transactions', 'relations'], materialized='table') }}

with

transactions as (

    select * from {{ ref('stg_transactions__transactions') }}
    where is_return

)

select
    order_id,
    returned_at,
    min(customer_id) as customer_id,
    cast(round(-sum(amount), {{ decimals_of_orders() }}) as decimal(18, 2)) as monetary_value,
    count(*) as transactions
from transactions
group by 1, 2
