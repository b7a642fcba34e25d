{{ config(enabled=var('source') == 'relations',
    materialized='table',
    post_hook="{{ stop_on_misfits('reviews') }}") }}

with

source as (

    select * from {{ relation_of('reviews') }}

),

orders as (

    select * from {{ ref('stg_relations__orders') }}

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
        *,
        coalesce(
            {{ sha256_of('order_id') }} in (
                select orders.erased_order_hash
                from orders
                where orders.erased_order_hash is not null
            ),
            false
        ) as is_erased
    from renamed

)

-- Nothing but a count is left of the row of an erased customer.
select
    {% for column in declared_columns('reviews') %}
        case when not is_erased then {{ column }} end as {{ column }},
    {% endfor %}
    case when not is_erased then {{ misfit_of('reviews') }} end as misfit,
    is_erased
from flagged
