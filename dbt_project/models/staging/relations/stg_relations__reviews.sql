{{ config(enabled=var('source') == 'relations',
    materialized='table',
    post_hook="{{ stop_on_misfits('reviews') }}") }}

with

source as (

    select * from {{ relation_of('reviews') }}

),

erased_orders as (

    select distinct erased_order_hash
    from {{ ref('stg_relations__orders') }}
    where erased_order_hash is not null

),

texts as (

    select {{ texts_of('reviews') }}
    from source

),

renamed as (

    select
        *,
        {{ whole_number_of('review_score_text') }} as review_score,
        {{ time_of('reviewed_at_text') }} as reviewed_at
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
    {% for column in declared_columns('reviews') %}
        case when not is_erased then {{ column }} end as {{ column }},
    {% endfor %}
    case when not is_erased then {{ misfit_of('reviews') }} end as misfit,
    is_erased
from flagged
