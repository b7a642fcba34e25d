{{ config(enabled=var('source') == 'olist') }}

with

order_reviews as (

    select * from {{ ref('stg_olist__order_reviews') }}

)

select
    order_id,
    review_score,
    written_at
from order_reviews
where rejection_reason is null and review_score is not null
