{# Rows of a seed as literals: dbt-spark binds an empty value as the text None, and does not escape quotes. #}
{% macro sparksession__load_csv_rows(model, agate_table) %}
    {% set types = model['config'].get('column_types', {}) %}
    {% set rows = [] %}
    {% for row in agate_table.rows %}
        {% set values = [] %}
        {% for name in agate_table.column_names %}
            {% set value = row[loop.index0] %}
            {% set literal = 'null' %}
            {% if value is not none %}
                {% set literal = "'" ~ value | string | replace('\\', '\\\\') | replace("'", "\\'") ~ "'" %}
            {% endif %}
            {% set type = types.get(name, adapter.convert_type(agate_table, loop.index0)) %}
            {% do values.append('cast(' ~ literal ~ ' as ' ~ type ~ ')') %}
        {% endfor %}
        {% do rows.append('(' ~ values | join(', ') ~ ')') %}
    {% endfor %}
    {% if rows %}
        {% set sql = 'insert into ' ~ this ~ ' values ' ~ rows | join(', ') %}
        {% do adapter.add_query(sql, abridge_sql_log=True) %}
    {% endif %}
    {{ return(sql) }}
{% endmacro %}
