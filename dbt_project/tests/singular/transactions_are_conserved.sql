-- What the accepted transactions sum up to is what the orders are worth.
{{ config(enabled=var('source') == 'transactions') }}

with

transacted as (

    select coalesce(sum(amount), 0) as total
    from {{ ref('stg_transactions__transactions') }}
    where rejection_reason is null

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
