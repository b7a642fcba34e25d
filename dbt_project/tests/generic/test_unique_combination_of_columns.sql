{# No two rows share the values of all `columns`: the grain of a table with a key of several columns. #}
{% test unique_combination_of_columns(model, columns) %}

select {{ columns | join(', ') }}
from {{ model }}
group by {{ columns | join(', ') }}
having count(*) > 1

{% endtest %}
