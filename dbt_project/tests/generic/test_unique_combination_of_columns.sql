{#
    No two rows share the values of all `columns`: the grain of a table with a key of several columns. With
    `newest`, a column, only the rows of its last value are looked at: of a table that only grows the others have
    been looked at before.
#}
{% test unique_combination_of_columns(model, columns, newest=none) %}

select {{ columns | join(', ') }}
from {{ model }}
{%- if newest %}
where {{ newest }} = (select max({{ newest }}) from {{ model }})
{%- endif %}
group by {{ columns | join(', ') }}
having count(*) > 1

{% endtest %}
