{# Whether features use an order of this status. #}
{% macro is_counted_order(order_status) -%}
    {%- set statuses = var('uncounted_order_statuses') -%}
    {%- if statuses -%}
        {{ order_status }} not in (
            {%- for status in statuses %}{{ sql_string(status) }}{{ ', ' if not loop.last }}{% endfor -%}
        )
    {%- else -%}
        true
    {%- endif -%}
{%- endmacro %}
