{{ config(enabled=var('source') == 'olist') }}

with

source as (

    select * from {{ source('olist', 'product_category_name_translation') }}

),

renamed as (

    select
        product_category_name as category_name,
        product_category_name_english as category_name_english,

        case
            when product_category_name is null then 'no_key'
            when
                row_number() over (
                    partition by product_category_name
                    order by product_category_name_english nulls last
                ) > 1 then 'duplicate_key'
        end as set_aside_reason
    from source

)

select * from renamed
