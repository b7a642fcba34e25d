{{ stop_unless_source_has_an_adapter() }}

with

orders as (

    select * from {{ ref('stg_orders') }}

)

select
    order_id,
    customer_id,
    ordered_at,
    order_status,
    monetary_value,
    items,
    main_category,
    state,
    city,
    delivered_at,
    promised_at,
    {{ is_counted_order('order_status') }} as is_counted
from orders
