{#
    As dbt-spark does, but what a Python model returns may be an Arrow table, a pandas or a Spark DataFrame,
    and the default format is Parquet, which needs no package.
#}
{% macro sparksession__create_table_as(temporary, relation, compiled_code, language='sql') -%}
    {%- if language == 'python' -%}
        {{ write_python_model(relation, compiled_code) }}
    {%- else -%}
        {{ spark__create_table_as(temporary, relation, compiled_code, language) }}
    {%- endif -%}
{%- endmacro %}


{% macro write_python_model(relation, compiled_code) %}
{{ compiled_code }}

from pyspark.sql import DataFrame

found = model(dbtObj(spark.table), spark)
frame = found if isinstance(found, DataFrame) else spark.createDataFrame(found)
frame.write.mode("overwrite").format("{{ config.get('file_format') or 'parquet' }}").saveAsTable("{{ relation }}")
{% endmacro %}
