{{ config(enabled=var('source') == 'relations',
    materialized='table',
    post_hook="{{ stop_on_misfits('order_lines') }}") }}

with

source as (

    select * from {{ relation_of('order_lines') }}

),

erased_orders as (

    select distinct erased_order_hash
    from {{ ref('stg_relations__orders') }}
    where erased_order_hash is not null

),

texts as (

    select {{ texts_of('order_lines') }}
    from source

),

renamed as (

    select
        *,
        {{ amount_of('amount_text') }} as amount,
        {{ whole_number_of('items_text') }} as items
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
    {% for column in declared_columns('order_lines') %}
        case when not is_erased then {{ column }} end as {{ column }},
    {% endfor %}
    case when not is_erased then {{ misfit_of('order_lines') }} end as misfit,
    is_erased
from flagged
