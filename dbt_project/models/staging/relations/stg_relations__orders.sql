{{ config(enabled=var('source') == 'relations',
    materialized='table',
    post_hook="{{ stop_on_misfits('orders') }}") }}

with

source as (

    select * from {{ relation_of('orders') }}

),

erased_customers as (

    select * from {{ ref('stg_raw_files__erased_customers') }}

),

texts as (

    select {{ texts_of('orders') }}
    from source

),

renamed as {{ materialized() }} (

    -- The relation is read here alone, because it may change while others read.
    select
        *,
        {{ time_of('ordered_at_text') }} as ordered_at,
        {{ amount_of('amount_text') }} as amount,
        {{ amount_of('refunded_amount_text') }} as refunded_amount,
        {{ whole_number_of('items_text') }} as items,
        {{ time_of('delivered_at_text') }} as delivered_at,
        {{ time_of('promised_at_text') }} as promised_at,
        {{ whole_number_of('review_score_text') }} as review_score,
        {{ time_of('reviewed_at_text') }} as reviewed_at,
        {{ normalized_customer_id('customer_id') }} as normalized_id
    from texts

),

erased_orders as (

    select distinct renamed.order_id
    from renamed
    inner join erased_customers
        on {{ sha256_of('renamed.normalized_id') }} = erased_customers.customer_hash
    where renamed.order_id is not null

),

flagged as (

    -- A row without a customer is one of its order.
    select
        renamed.*,
        case
            when renamed.normalized_id is not null then erased_customers.customer_hash is not null
            else erased_orders.order_id is not null
        end as is_erased
    from renamed
    left join erased_customers
        on {{ sha256_of('renamed.normalized_id') }} = erased_customers.customer_hash
    left join erased_orders on renamed.order_id = erased_orders.order_id

)

-- Nothing but a count is left of the row of an erased customer.
select
    {% for column in declared_columns('orders') %}
        case when not is_erased then {{ column }} end as {{ column }},
    {% endfor %}
    case when not is_erased then {{ misfit_of('orders') }} end as misfit,
    is_erased,
    case when is_erased then {{ sha256_of('order_id') }} end as erased_order_hash
from flagged
