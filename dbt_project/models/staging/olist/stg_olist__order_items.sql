{{ config(enabled=var('source') == 'olist') }}

with

source as {{ not_materialized() }} (

    select * from {{ source('olist', 'order_items') }}

),

numbered as ({{ number_rows_of_keys(
    'source',
    'olist_order_items_dataset',
    [
        'coalesce(price < 0, false) or coalesce(freight_value < 0, false)',
        'price nulls last',
        'freight_value nulls last',
        'product_id nulls last',
        'seller_id nulls last',
    ]
) }}),

renamed as (

    select
        order_id,
        order_item_id as item_number,
        product_id,
        seller_id,
        shipping_limit_date as ship_by,
        coalesce(price, 0) as price,
        coalesce(freight_value, 0) as freight_value,

        price is null as is_price_missing,
        freight_value is null as is_freight_missing,
        case
            when order_id is null or order_item_id is null then 'no_key'
            when price < 0 or freight_value < 0 then 'negative_money'
            when row_of_key > 1 then 'duplicate_key'
        end as rejection_reason
    from numbered

)

select * from renamed
