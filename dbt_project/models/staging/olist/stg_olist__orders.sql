{{ config(enabled=var('source') == 'olist') }}

with

source as {{ not_materialized() }} (

    select * from {{ source('olist', 'orders') }}

),

numbered as ({{ number_rows_of_keys(
    'source',
    'olist_orders_dataset',
    [
        'order_purchase_timestamp is null',
        'customer_id is null',
        'order_purchase_timestamp nulls last',
        'customer_id nulls last',
        'order_status nulls last',
        'order_delivered_customer_date nulls last',
    ]
) }}),

renamed as (

    select
        order_id,
        customer_id as order_customer_id,
        coalesce(order_status, 'unknown') as order_status,
        order_purchase_timestamp as ordered_at,
        order_approved_at as approved_at,
        order_delivered_carrier_date as handed_to_carrier_at,
        case
            when order_delivered_customer_date >= order_purchase_timestamp
                then order_delivered_customer_date
        end as delivered_at,
        order_estimated_delivery_date as promised_at,

        coalesce(order_delivered_customer_date < order_purchase_timestamp, false)
            as is_delivered_before_ordered,
        order_status is null as is_status_missing,
        case
            when order_id is null then 'no_key'
            when order_purchase_timestamp is null then 'no_order_time'
            when customer_id is null then 'no_customer'
            when row_of_key > 1 then 'duplicate_key'
        end as rejection_reason
    from numbered

)

select * from renamed
