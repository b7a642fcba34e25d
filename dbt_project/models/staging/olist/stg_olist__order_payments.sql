{{ config(enabled=var('source') == 'olist') }}

with

source as {{ not_materialized() }} (

    select * from {{ source('olist', 'order_payments') }}

),

numbered as ({{ number_rows_of_keys(
    'source',
    'olist_order_payments_dataset',
    [
        'coalesce(payment_value < 0, false)',
        'payment_value nulls last',
        'payment_type nulls last',
        'payment_installments nulls last',
    ]
) }}),

renamed as (

    select
        order_id,
        payment_sequential as payment_number,
        payment_type,
        payment_installments as installments,
        payment_value,

        payment_value is null as is_value_missing,
        case
            when order_id is null or payment_sequential is null then 'no_key'
            when payment_value < 0 then 'negative_money'
            when row_of_key > 1 then 'duplicate_key'
        end as rejection_reason
    from numbered

)

select * from renamed
