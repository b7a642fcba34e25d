{{ config(enabled=var('source') == 'olist', materialized='table') }}

with

order_reviews as (

    select * from {{ ref('stg_olist__order_reviews') }}
    where rejection_reason is null

),

aggregated_to_orders as (

    select
        order_id,
        cast(count(*) as integer) as reviews,
        cast(count(review_score) as integer) as scored_reviews
    from order_reviews
    group by 1

)

select * from aggregated_to_orders
