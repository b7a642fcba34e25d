{{ config(enabled=var('source') in ['transactions', 'relations']) }}

with

returned as (

    select * from {{ ref('stg_transactions__aggregated_to_returns') }}

)

select
    order_id,
    customer_id,
    returned_at,
    monetary_value
from returned
where monetary_value > 0
