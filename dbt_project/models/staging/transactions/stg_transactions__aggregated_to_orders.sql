{{ config(enabled=var('source') == 'transactions', materialized='table') }}

with

transactions as (

    select * from {{ ref('stg_transactions__transactions') }}
    where rejection_reason is null

),

ranked as (

    -- What is said of an order once is taken from the line with the largest amount.
    select
        *,
        row_number() over (
            partition by order_id
            order by
                amount desc,
                category asc nulls last,
                order_status asc,
                state asc nulls last,
                city asc nulls last
        ) as line_rank
    from transactions

)

select
    order_id,
    min(customer_id) as customer_id,
    min(ordered_at) as ordered_at,
    max(case when line_rank = 1 then order_status end) as order_status,
    cast(sum(amount) as decimal(18, 2)) as monetary_value,
    cast(sum(items) as integer) as items,
    max(case when line_rank = 1 then category end) as main_category,
    max(case when line_rank = 1 then state end) as state,
    max(case when line_rank = 1 then city end) as city,
    max(delivered_at) as delivered_at,
    max(promised_at) as promised_at,
    count(*) as transactions
from ranked
group by 1
