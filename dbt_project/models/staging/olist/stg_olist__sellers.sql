{{ config(enabled=var('source') == 'olist') }}

with

source as {{ not_materialized() }} (

    select * from {{ source('olist', 'sellers') }}

),

numbered as ({{ number_rows_of_keys(
    'source',
    'olist_sellers_dataset',
    [
        'seller_zip_code_prefix nulls last',
        'seller_city nulls last',
        'seller_state nulls last',
    ]
) }}),

renamed as (

    select
        seller_id,
        seller_zip_code_prefix as zip_code_prefix,
        seller_city as city,
        seller_state as state,

        case
            when seller_id is null then 'no_key'
            when row_of_key > 1 then 'duplicate_key'
        end as rejection_reason
    from numbered

)

select * from renamed
