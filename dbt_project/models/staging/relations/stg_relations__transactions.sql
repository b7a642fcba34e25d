{{ config(enabled=var('source') == 'relations', materialized='table') }}

with

orders as (

    select
        *,
        {{ normalized_customer_id('customer_id') }} as normalized_id
    from {{ ref('stg_relations__orders') }}
    where not is_erased

),

order_lines as (

    select * from {{ ref('stg_relations__order_lines_aggregated_to_orders') }}

),

deliveries as (

    select * from {{ ref('stg_relations__deliveries_aggregated_to_orders') }}

),

numbered as (

    -- What lines and deliveries tell of an order stands on one of its rows, the one by whose
    -- customer it goes.
    select
        *,
        row_number() over (
            partition by order_id
            order by
                normalized_id is null,
                ordered_at is null,
                ordered_at asc,
                normalized_id asc nulls last,
                order_status asc nulls last,
                state asc nulls last,
                city asc nulls last,
                category asc nulls last,
                amount asc nulls last
        ) as row_of_order
    from orders

)

select
    numbered.customer_id,
    numbered.ordered_at,
    coalesce(numbered.amount, order_lines.amount) as amount,
    numbered.order_id,
    numbered.order_status,
    coalesce(numbered.items, order_lines.items) as items,
    coalesce(numbered.category, order_lines.category) as category,
    numbered.state,
    numbered.city,
    coalesce(numbered.delivered_at, deliveries.delivered_at) as delivered_at,
    coalesce(numbered.promised_at, deliveries.promised_at) as promised_at,
    numbered.review_score,
    numbered.reviewed_at,
    numbered.refunded_amount
from numbered
left join order_lines
    on numbered.order_id = order_lines.order_id and numbered.row_of_order = 1
left join deliveries
    on numbered.order_id = deliveries.order_id and numbered.row_of_order = 1
