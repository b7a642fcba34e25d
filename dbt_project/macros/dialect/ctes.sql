{# Computed once, however many readers: Spark decides that by itself and knows no word for it. #}
{% macro materialized() -%} {{ adapter.dispatch('materialized')() }} {%- endmacro %}
{% macro default__materialized() -%} materialized {%- endmacro %}
{% macro spark__materialized() -%} {%- endmacro %}
