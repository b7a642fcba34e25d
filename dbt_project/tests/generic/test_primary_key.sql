{# A column, or several `columns` together, tell the rows apart, and no part of the key is unknown. #}
{% test primary_key(model, column_name=none, columns=none) %}

{%- set key = columns or [column_name] %}

select {{ key | join(', ') }}
from {{ model }}
group by {{ key | join(', ') }}
having count(*) > 1 or {{ key | join(' is null or ') }} is null

{% endtest %}
