{# A quantile by linear interpolation. #}
{% macro quantile(value, position) -%} {{ adapter.dispatch('quantile')(value, position) }} {%- endmacro %}
{% macro default__quantile(value, position) -%} quantile_cont({{ value }}, {{ position }}) {%- endmacro %}
{% macro spark__quantile(value, position) -%} percentile({{ value }}, {{ position }}) {%- endmacro %}


{# The median of amounts of money: between two of them to the cent, rounded down. #}
{% macro median_of_money(value) -%} {{ adapter.dispatch('median_of_money')(value) }} {%- endmacro %}
{% macro default__median_of_money(value) -%} cast(median({{ value }}) as decimal(18, 2)) {%- endmacro %}
{% macro spark__median_of_money(value) -%}
    cast(floor(median(cast({{ value }} * 100 as bigint))) / cast(100 as decimal(3, 0)) as decimal(18, 2))
{%- endmacro %}


{# Several quantiles as a list; one pass holds the values once, where a call for each holds them each time. #}
{% macro quantiles(value, positions) -%} {{ adapter.dispatch('quantiles')(value, positions) }} {%- endmacro %}
{% macro default__quantiles(value, positions) -%} quantile_cont({{ value }}, {{ positions }}) {%- endmacro %}
{% macro spark__quantiles(value, positions) -%}
    percentile({{ value }}, array({{ positions | join(', ') }}))
{%- endmacro %}
