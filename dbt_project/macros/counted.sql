{# A whole number with its noun, in the plural unless it is one. #}
{% macro counted(number, noun) -%}
    ({{ number }} || case when {{ number }} = 1 then ' {{ noun }}' else ' {{ noun }}s' end)
{%- endmacro %}
