{{ stop_unless_source_has_an_adapter() }}

with

orders as (

    select * from {{ ref('stg_orders') }}

)

select
    *,
    {{ is_counted_order('order_status') }} as is_counted
from orders
