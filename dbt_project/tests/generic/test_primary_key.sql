{#
    A column, or several `columns` together, tell the rows apart, and no part of the key is unknown. A build that makes
    the rows of `changed_customers` alone tests these; the others were tested when they were made.
#}
{% test primary_key(model, column_name=none, columns=none, changed_customers=none) %}

{%- set key = columns or [column_name] %}

select {{ key | join(', ') }}
from {{ model }}
{%- if changed_customers and builds_models() and goes_by_change() %}
    where customer_id in (select changed.customer_id from {{ changed_customers }} as changed)
{%- endif %}
group by {{ key | join(', ') }}
having count(*) > 1 or {{ key | join(' is null or ') }} is null

{% endtest %}
