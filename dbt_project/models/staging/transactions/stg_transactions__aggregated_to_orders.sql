{{ config(enabled=var('source') in ['transactions', 'relations'], materialized='table') }}

{%- set subtracts = var('returns') == 'subtract' %}
{%- set decimals = decimals_of_orders() %}

with

transactions as (

    select * from {{ ref('stg_transactions__transactions') }}
    where rejection_reason is null and returned_at is null

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

),

aggregated as (

    select
        order_id,
        min(customer_id) as customer_id,
        min(ordered_at) as ordered_at,
        max(case when line_rank = 1 then order_status end) as order_status,
        -- Exact up to here, rounded once.
        cast(round(sum(amount), {{ decimals }}) as decimal(18, 2)) as gross_value,
        cast(round(sum(refunded_amount), {{ decimals }}) as decimal(18, 2)) as refunded_value,
        min(amount) < 0 as has_negative_lines,
        cast(case when sum(items) < 0 then 0 else sum(items) end as integer) as items,
        max(case when line_rank = 1 then category end) as main_category,
        max(case when line_rank = 1 then state end) as state,
        max(case when line_rank = 1 then city end) as city,
        max(delivered_at) as delivered_at,
        max(promised_at) as promised_at,
        count(*) as transactions
    from ranked
    group by 1

)

select
    order_id,
    customer_id,
    ordered_at,
    order_status,
    {% if subtracts -%}
        cast(greatest(gross_value - refunded_value, 0) as decimal(18, 2)) as monetary_value,
        (refunded_value > 0 or has_negative_lines) and gross_value <= refunded_value
            as is_refunded,
    {%- else -%}
        gross_value as monetary_value,
        false as is_refunded,
    {%- endif %}
    items,
    main_category,
    state,
    city,
    delivered_at,
    promised_at,
    transactions
from aggregated
