-- What the accepted transactions of an order sum up to is what it is worth.
{{ config(enabled=var('source') in ['transactions', 'relations']) }}

with

by_order as (

    select
        order_id,
        round(sum(amount), {{ decimals_of_orders() }}) as bought,
        round(sum(refunded_amount), {{ decimals_of_orders() }}) as refunded
    from {{ ref('stg_transactions__transactions') }}
    where rejection_reason is null and not is_return
    group by 1

),

transacted as (

    select
        {%- if var('returns') == 'subtract' %}
            coalesce(sum(greatest(bought - refunded, 0)), 0) as total
        {%- else %}
            coalesce(sum(bought), 0) as total
        {%- endif %}
    from by_order

),

ordered as (

    select coalesce(sum(monetary_value), 0) as total
    from {{ ref('int_orders') }}

)

select
    transacted.total as transacted,
    ordered.total as ordered
from transacted
cross join ordered
where transacted.total != ordered.total
