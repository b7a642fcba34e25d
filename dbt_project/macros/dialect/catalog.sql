{# The names of a table's columns, none where there is no such table. #}
{% macro column_names_of(relation) %}
    {% set there = load_relation(relation) %}
    {% if there is none %}
        {{ return([]) }}
    {% endif %}
    {# Not adapter.get_columns_in_relation: it opens a transaction, which hooks roll back at their end. #}
    {{ return(run_query('select * from ' ~ there ~ ' limit 0').column_names | list) }}
{% endmacro %}


{# A table of the warehouse, by schema and name. #}
{% macro table_named(schema, name) %}
    {{ return(api.Relation.create(
        database=target.database or none, schema=schema, identifier=name, type='table'
    )) }}
{% endmacro %}


{# The columns are given as text. #}
{% macro create_empty_table(relation, columns) %}
    {% do adapter.dispatch('create_empty_table')(relation, columns) %}
{% endmacro %}

{% macro default__create_empty_table(relation, columns) %}
    {% do run_query('create table if not exists ' ~ relation ~ ' (' ~ columns ~ ')') %}
{% endmacro %}

{% macro spark__create_empty_table(relation, columns) %}
    {% do run_query('create table if not exists ' ~ relation ~ ' (' ~ columns ~ ') using parquet') %}
{% endmacro %}
