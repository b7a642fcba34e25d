{#
    How a model is kept that many models read a part of: DuckDB computes of a view what is asked for, Spark all
    of it for each reader.
#}
{% macro view_with_many_readers() %} {{ return(adapter.dispatch('view_with_many_readers')()) }} {% endmacro %}
{% macro default__view_with_many_readers() %} {{ return('view') }} {% endmacro %}
{% macro spark__view_with_many_readers() %} {{ return('table') }} {% endmacro %}


{#
    Where the new rows of an incremental model wait. dbt-duckdb takes the table for a temporary one, but that of a
    Python model stays in the warehouse unless dbt is told to drop it.
#}
{% macro duckdb__dispatch_temporary_relation(target_relation, batch_id='') %}
    {% set waiting = dbt.duckdb__dispatch_temporary_relation(target_relation, batch_id) %}
    {{ return(dict(waiting, temporary=waiting.temporary and model.language == 'sql')) }}
{% endmacro %}
