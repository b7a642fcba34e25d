{{ config(enabled=var('source') == 'transactions') }}

with

transactions as (

    select * from {{ ref('stg_transactions__transactions') }}

)

select
    order_id,
    review_score,
    reviewed_at as written_at
from transactions
where rejection_reason is null and review_score is not null
