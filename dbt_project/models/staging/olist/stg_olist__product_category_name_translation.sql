{{ config(enabled=var('source') == 'olist') }}

with

source as {{ not_materialized() }} (

    select * from {{ source('olist', 'product_category_name_translation') }}

),

numbered as ({{ number_rows_of_keys(
    'source',
    'product_category_name_translation',
    [
        'product_category_name_english nulls last',
    ]
) }}),

renamed as (

    select
        product_category_name as category_name,
        product_category_name_english as category_name_english,

        case
            when product_category_name is null then 'no_key'
            when row_of_key > 1 then 'duplicate_key'
        end as rejection_reason
    from numbered

)

select * from renamed
