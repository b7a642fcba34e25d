{{ config(enabled=var('source') == 'relations') }}

with

transactions as (

    select * from {{ ref('stg_transactions__transactions') }}

),

matched as (

    select * from {{ ref('stg_relations__rows_matched_to_orders') }}

)

-- The orders tell of reviews, or a relation of its own does.
select
    order_id,
    review_score,
    reviewed_at as written_at
from transactions
where rejection_reason is null and review_score is not null
union all
select
    order_id,
    review_score,
    reviewed_at as written_at
from matched
where rejection_reason is null and review_score is not null
