{# Computed once, however many readers: Spark decides that by itself and knows no word for it. #}
{% macro materialized() -%} {{ adapter.dispatch('materialized')() }} {%- endmacro %}
{% macro default__materialized() -%} materialized {%- endmacro %}
{% macro spark__materialized() -%} {%- endmacro %}


{# Computed anew for each reader: what would not fit into memory. Spark does so by itself. #}
{% macro not_materialized() -%} {{ adapter.dispatch('not_materialized')() }} {%- endmacro %}
{% macro default__not_materialized() -%} not materialized {%- endmacro %}
{% macro spark__not_materialized() -%} {%- endmacro %}
