{# No row has a null in any of `columns`: one test where dbt's `not_null` asks for each column by itself. #}
{% test not_null_columns(model, columns) %}

select {{ columns | join(', ') }}
from {{ model }}
where {{ columns | join(' is null or ') }} is null

{% endtest %}
