{{ config(enabled=var('source') == 'relations') }}

with

deliveries as (

    select * from {{ ref('stg_relations__deliveries') }}
    where order_id is not null

)

select
    order_id,
    max(delivered_at) as delivered_at,
    max(promised_at) as promised_at
from deliveries
group by 1
