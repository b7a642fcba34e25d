{{ config(enabled=var('source') == 'relations',
    materialized='table',
    post_hook="{{ stop_on_misfits('deliveries') }}") }}

with

source as (

    select * from {{ relation_of('deliveries') }}

),

erased_orders as (

    select distinct erased_order_hash
    from {{ ref('stg_relations__orders') }}
    where erased_order_hash is not null

),

texts as (

    select {{ texts_of('deliveries') }}
    from source

),

renamed as (

    select
        *,
        {{ time_of('delivered_at_text') }} as delivered_at,
        {{ time_of('promised_at_text') }} as promised_at
    from texts

),

flagged as (

    select
        renamed.*,
        erased_orders.erased_order_hash is not null as is_erased
    from renamed
    left join erased_orders
        on {{ sha256_of('renamed.order_id') }} = erased_orders.erased_order_hash

)

-- Nothing but a count is left of the row of an erased customer.
select
    {% for column in declared_columns('deliveries') %}
        case when not is_erased then {{ column }} end as {{ column }},
    {% endfor %}
    case when not is_erased then {{ misfit_of('deliveries') }} end as misfit,
    is_erased
from flagged
