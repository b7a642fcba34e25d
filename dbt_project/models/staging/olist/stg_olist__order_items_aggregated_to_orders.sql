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

order_items as (

    select * from {{ ref('stg_olist__order_items') }}
    where
        rejection_reason is null
    {%- if is_incremental() %}
        and order_id in (
            select changed.order_id from {{ ref('stg_olist__changed_orders') }} as changed
        )
    {%- endif %}

),

products as (

    select * from {{ ref('stg_olist__products_joined_to_categories') }}

),

priced_by_category as (

    select
        order_items.order_id,
        coalesce(products.category, 'unknown') as category,
        count(*) as items,
        sum(order_items.price) as items_value,
        sum(order_items.freight_value) as freight_value
    from order_items
    left join products on order_items.product_id = products.product_id
    group by 1, 2

),

ranked as (

    select
        *,
        row_number() over (
            partition by order_id order by items_value desc, category asc
        ) as category_rank
    from priced_by_category

),

aggregated_to_orders as (

    select
        order_id,
        cast(sum(items) as integer) as items,
        cast(sum(items_value) as decimal(18, 2)) as items_value,
        cast(sum(freight_value) as decimal(18, 2)) as freight_value,
        max(case when category_rank = 1 then category end) as main_category
    from ranked
    group by 1

)

select * from aggregated_to_orders
