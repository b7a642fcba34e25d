{{
    config(
        enabled=var('source') == 'olist',
        materialized=made_by_change(),
        incremental_strategy='append',
        full_refresh=false,
        tags=['by_change'],
        pre_hook="{{ delete_changed('order_id', ref('stg_olist__changed_orders')) }}",
    )
}}

with

order_reviews as (

    select * from {{ ref('stg_olist__order_reviews') }}
    where
        rejection_reason is null
    {%- if is_incremental() %}
        and order_id in (
            select changed.order_id from {{ ref('stg_olist__changed_orders') }} as changed
        )
    {%- endif %}

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
