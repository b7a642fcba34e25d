{{ config(enabled=var('source') == 'olist') }}

with

source as {{ not_materialized() }} (

    select * from {{ source('olist', 'customers') }}

),

numbered as ({{ number_rows_of_keys(
    'source',
    'olist_customers_dataset',
    [
        'customer_unique_id is null',
        'customer_unique_id nulls last',
        'customer_zip_code_prefix nulls last',
        'customer_city nulls last',
        'customer_state nulls last',
    ]
) }}),

renamed as (

    select
        customer_id as order_customer_id,
        customer_unique_id as customer_id,
        customer_zip_code_prefix as zip_code_prefix,
        customer_city as city,
        customer_state as state,

        case
            when customer_id is null then 'no_key'
            when customer_unique_id is null then 'no_customer'
            when row_of_key > 1 then 'duplicate_key'
        end as rejection_reason
    from numbered

)

select * from renamed
