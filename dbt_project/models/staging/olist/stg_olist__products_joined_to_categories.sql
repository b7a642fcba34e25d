{{ config(enabled=var('source') == 'olist', materialized='table') }}

with

products as (

    select * from {{ ref('stg_olist__products') }}
    where rejection_reason is null

),

categories as (

    select * from {{ ref('stg_olist__product_category_name_translation') }}
    where rejection_reason is null

),

joined as (

    select
        products.product_id,
        -- A category without a translation keeps its Portuguese name.
        coalesce(categories.category_name_english, products.category_name) as category,
        products.category_name != 'unknown'
        and categories.category_name_english is null as is_category_untranslated
    from products
    left join categories on products.category_name = categories.category_name

)

select * from joined
