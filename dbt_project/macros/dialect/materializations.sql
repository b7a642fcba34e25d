{#
    How a model is kept that many models read a part of: DuckDB computes of a view what is asked for, Spark all
    of it for each reader.
#}
{% macro view_with_many_readers() %} {{ return(adapter.dispatch('view_with_many_readers')()) }} {% endmacro %}
{% macro default__view_with_many_readers() %} {{ return('view') }} {% endmacro %}
{% macro spark__view_with_many_readers() %} {{ return('table') }} {% endmacro %}
