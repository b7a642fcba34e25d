{# A struct written down; `fields` maps names to expressions. #}
{% macro struct_of(fields) -%} {{ adapter.dispatch('struct_of')(fields) }} {%- endmacro %}

{% macro default__struct_of(fields) -%}
    { {%- for name, value in fields.items() %}{{ name }}: {{ value }}{{ ', ' if not loop.last }}{% endfor -%} }
{%- endmacro %}

{% macro spark__struct_of(fields) -%}
    named_struct(
    {%- for name, value in fields.items() %}'{{ name }}', {{ value }}{{ ', ' if not loop.last }}{% endfor -%}
    )
{%- endmacro %}


{# A row for each element; an expression of a select list. #}
{% macro elements_of(list) -%} {{ adapter.dispatch('elements_of')(list) }} {%- endmacro %}
{% macro default__elements_of(list) -%} unnest({{ list }}) {%- endmacro %}
{% macro spark__elements_of(list) -%} explode({{ list }}) {%- endmacro %}


{# The element at a position, counted from 0; null where there is none. #}
{% macro element_at_position(list, position) -%}
    {{ adapter.dispatch('element_at_position')(list, position) }}
{%- endmacro %}
{% macro default__element_at_position(list, position) -%} {{ list }}[{{ position }} + 1] {%- endmacro %}
{% macro spark__element_at_position(list, position) -%} get({{ list }}, {{ position }}) {%- endmacro %}


{# A field of the first struct whose field `key` has a value. #}
{% macro field_where(list, key, value, field) -%}
    {{ adapter.dispatch('field_where')(list, key, value, field) }}
{%- endmacro %}

{% macro default__field_where(list, key, value, field) -%}
    list_filter({{ list }}, lambda f: f.{{ key }} = {{ sql_string(value) }})[1].{{ field }}
{%- endmacro %}

{% macro spark__field_where(list, key, value, field) -%}
    get(filter({{ list }}, f -> f.{{ key }} = {{ sql_string(value) }}), 0).{{ field }}
{%- endmacro %}


{# Texts made of each element, which the expression calls `element`, joined. #}
{% macro elements_joined(list, expression, separator) -%}
    {{ adapter.dispatch('elements_joined')(list, expression, separator) }}
{%- endmacro %}

{% macro default__elements_joined(list, expression, separator) -%}
    array_to_string(list_transform({{ list }}, lambda element: {{ expression }}), {{ sql_string(separator) }})
{%- endmacro %}

{% macro spark__elements_joined(list, expression, separator) -%}
    array_join(transform({{ list }}, element -> {{ expression }}), {{ sql_string(separator) }})
{%- endmacro %}


{# The sum of a double made of each element, which the expression calls `element`. #}
{% macro sum_over_elements(list, expression) -%}
    {{ adapter.dispatch('sum_over_elements')(list, expression) }}
{%- endmacro %}

{% macro default__sum_over_elements(list, expression) -%}
    list_sum(list_transform({{ list }}, lambda element: {{ expression }}))
{%- endmacro %}

{% macro spark__sum_over_elements(list, expression) -%}
    aggregate({{ list }}, cast(0 as double), (so_far, element) -> so_far + {{ expression }})
{%- endmacro %}


{% macro number_of_elements(list) -%} cardinality({{ list }}) {%- endmacro %}


{# The type of a list of structs with these fields, for a declaration. #}
{% macro list_type(fields) %} {{ return(adapter.dispatch('list_type')(fields)) }} {% endmacro %}

{% macro default__list_type(fields) %}
    {% set parts = [] %}
    {% for name, type in fields.items() %}{% do parts.append(name ~ ' ' ~ type) %}{% endfor %}
    {{ return('struct(' ~ parts | join(', ') ~ ')[]') }}
{% endmacro %}

{% macro spark__list_type(fields) %}
    {% set parts = [] %}
    {% for name, type in fields.items() %}{% do parts.append(name ~ ': ' ~ type) %}{% endfor %}
    {{ return('array<struct<' ~ parts | join(', ') ~ '>>') }}
{% endmacro %}
