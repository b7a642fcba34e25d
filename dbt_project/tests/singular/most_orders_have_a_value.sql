-- Half of the counted orders or more are worth nothing: payments, or items with price and freight,
-- are missing or rejected. marts.data_quality_ledger counts why.
{%- set tells_money = 'monetary_value' not in adapter_macro('missing_features')() %}

select
    count(*) as orders,
    count(*) filter (where monetary_value = 0) as worthless_orders
from {{ ref('int_orders') }}
where is_counted
having worthless_orders >= 0.5 * orders and orders > 0 and {{ tells_money }}
