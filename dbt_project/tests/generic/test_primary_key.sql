{#
    A column, or several `columns` together, tell the rows apart, and no part of the key is unknown. A build that goes by
    change tests the rows of `changed_customers`, or of `changed_orders`, alone; the others were tested when they were
    made.
#}
{% test primary_key(model, column_name=none, columns=none, changed_customers=none, changed_orders=none) %}

{%- set key = columns or [column_name] %}
{%- set changed = changed_customers or changed_orders %}
{%- set owner = 'customer_id' if changed_customers else 'order_id' %}

select {{ key | join(', ') }}
from {{ model }}
{%- if changed and builds_models() and goes_by_change() %}
    where {{ owner }} in (select changed.{{ owner }} from {{ changed }} as changed)
{%- endif %}
group by {{ key | join(', ') }}
having count(*) > 1 or {{ key | join(' is null or ') }} is null

{% endtest %}
