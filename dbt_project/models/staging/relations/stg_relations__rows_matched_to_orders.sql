{{ config(enabled=var('source') == 'relations') }}

with

accepted_orders as (

    select
        order_id,
        min(ordered_at) as ordered_at
    from {{ ref('stg_transactions__transactions') }}
    where rejection_reason is null
    group by 1

),

rows_of_orders as (

    select
        'order_lines' as relation,
        order_id,
        is_erased,
        amount,
        items,
        cast(null as integer) as review_score,
        cast(null as timestamp) as reviewed_at
    from {{ ref('stg_relations__order_lines') }}
    union all
    select
        'reviews' as relation,
        order_id,
        is_erased,
        cast(null as decimal(18, 6)) as amount,
        cast(null as integer) as items,
        review_score,
        reviewed_at
    from {{ ref('stg_relations__reviews') }}
    union all
    select
        'deliveries' as relation,
        order_id,
        is_erased,
        cast(null as decimal(18, 6)) as amount,
        cast(null as integer) as items,
        cast(null as integer) as review_score,
        cast(null as timestamp) as reviewed_at
    from {{ ref('stg_relations__deliveries') }}

)

select
    rows_of_orders.relation,
    rows_of_orders.order_id,
    accepted_orders.ordered_at,
    case
        when
            rows_of_orders.review_score between 1 and 5
            and rows_of_orders.reviewed_at is not null
            then rows_of_orders.review_score
    end as review_score,
    rows_of_orders.reviewed_at,

    rows_of_orders.amount is null as is_amount_missing,
    rows_of_orders.items is null as is_number_of_items_missing,
    rows_of_orders.review_score is null as is_score_missing,
    coalesce(rows_of_orders.review_score not between 1 and 5, false) as is_score_out_of_range,
    rows_of_orders.review_score is not null and rows_of_orders.reviewed_at is null as is_undated,
    coalesce(rows_of_orders.reviewed_at < accepted_orders.ordered_at, false)
        as is_reviewed_before_ordered,
    case
        when rows_of_orders.is_erased then 'erased_on_request'
        when rows_of_orders.order_id is null then 'no_key'
        when accepted_orders.order_id is null then 'no_order'
    end as rejection_reason
from rows_of_orders
left join accepted_orders on rows_of_orders.order_id = accepted_orders.order_id
