{{ config(enabled=var('source') == 'olist') }}

with

source as {{ not_materialized() }} (

    select * from {{ source('olist', 'products') }}

),

numbered as ({{ number_rows_of_keys(
    'source',
    'olist_products_dataset',
    [
        'product_category_name nulls last',
    ]
) }}),

renamed as (

    select
        product_id,
        coalesce(product_category_name, 'unknown') as category_name,
        product_name_lenght as name_length,
        product_description_lenght as description_length,
        product_photos_qty as photos,
        product_weight_g as weight_g,
        product_length_cm as length_cm,
        product_height_cm as height_cm,
        product_width_cm as width_cm,

        product_category_name is null as is_category_missing,
        case
            when product_id is null then 'no_key'
            when row_of_key > 1 then 'duplicate_key'
        end as rejection_reason
    from numbered

)

select * from renamed
