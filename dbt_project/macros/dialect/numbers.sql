{#
    A double as a decimal of 18 digits, rounded half away from zero; Spark would round the shortest text of the
    double instead.
#}
{% macro decimal_of_double(value, scale) -%} {{ adapter.dispatch('decimal_of_double')(value, scale) }} {%- endmacro %}

{% macro default__decimal_of_double(value, scale) -%}
    cast({{ value }} as decimal(18, {{ scale }}))
{%- endmacro %}

{% macro spark__decimal_of_double(value, scale) -%}
    cast(
        cast(cast(round(1e{{ scale }} * ({{ value }})) as bigint) as decimal(19, 0)) / 1e{{ scale }}BD
        as decimal(18, {{ scale }})
    )
{%- endmacro %}


{# A type for sums of products of large integers. #}
{% macro wide_integer() -%} {{ adapter.dispatch('wide_integer')() }} {%- endmacro %}
{% macro default__wide_integer() -%} hugeint {%- endmacro %}
{% macro spark__wide_integer() -%} decimal(38, 0) {%- endmacro %}


{# Whether a bit of a whole number is set; unknown where `position`, counted from 0, is null. #}
{% macro bit_is_set(number, position) -%}
    {{ adapter.dispatch('bit_is_set')(number, position) }}
{%- endmacro %}
{% macro default__bit_is_set(number, position) -%} ({{ number }} >> ({{ position }})) & 1 = 1 {%- endmacro %}
{% macro spark__bit_is_set(number, position) -%} getbit({{ number }}, {{ position }}) = 1 {%- endmacro %}
