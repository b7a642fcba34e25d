{#
    The schema of a layer. In the default schema of a warehouse, `main`, layers have their public names: `marts`.
    A profile with a schema of its own, such as dev_anna, has layers of its own: `dev_anna_marts`.
#}
{% macro generate_schema_name(custom_schema_name, node) -%}
    {%- if custom_schema_name is none -%} {{ target.schema }}
    {%- elif target.schema == 'main' -%} {{ custom_schema_name }}
    {%- else -%} {{ target.schema }}_{{ custom_schema_name }}
    {%- endif -%}
{%- endmacro %}


{% macro layer_schema(layer) %} {{ return(generate_schema_name(layer, none) | trim) }} {% endmacro %}
