-- Half of the counted orders or more are worth nothing: payments, or items with price and freight,
-- are missing or rejected. marts.data_quality_ledger counts why.
select
    count(*) as orders,
    count(*) filter (where monetary_value = 0) as worthless_orders
from {{ ref('int_orders') }}
where is_counted
having
    worthless_orders >= 0.5 * orders
    and orders > 0
    {%- if 'monetary_value' in adapter_macro('missing_features')() %}
        -- The source tells no money.
        and false
    {%- endif %}
