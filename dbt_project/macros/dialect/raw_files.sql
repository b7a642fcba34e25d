{#
    The raw files on Spark. Every column is read as text first, so that a value that does not fit its type is
    found before any table is written; the tables of the last load stay in place then.

    A line that does not split into the columns is rejected, as on DuckDB. Bytes that are no UTF-8 are read as
    the replacement character, and a quote that does not end takes the lines after it into its field.
#}
{% macro spark__load_raw_files(folder) %}
    {% set files = find_raw_files(folder) %}
    {% set lines = [] %}
    {% for path, source in files %}
        {% do lines.append(spark__check_raw_file(path, source)) %}
    {% endfor %}
    {% do run_query('create schema if not exists raw') %}
    {% for path, source in files %}
        {% set casts = [] %}
        {% for name, type in declared_types(source).items() %}
            {% do casts.append(
                'try_cast(nullif(' ~ sql_identifier(name) ~ ", '') as " ~ type ~ ') as ' ~ sql_identifier(name)
            ) %}
        {% endfor %}
        {% do spark__replace_table(
            'raw.' ~ source.identifier,
            'select ' ~ declared_columns(source) ~ ' from (select ' ~ casts | join(', ') ~ ' from file_'
            ~ source.identifier ~ (' where unreadable_line is null' if path.endswith('.csv') else '') ~ ')'
        ) %}
    {% endfor %}
    {% do spark__replace_table(
        'raw.unreadable_lines',
        'select file_name, row_number() over (partition by file_name order by record) as record_number, '
        ~ 'reason, record from (' ~ lines | join(' union all ') ~ ') as found'
    ) %}
    {% for path, source in files %}
        {% do run_query('drop view file_' ~ source.identifier) %}
    {% endfor %}
    {% do spark__replace_table(
        'raw.rows_of_erased_customers',
        'select cast(null as string) as file_name, cast(null as bigint) as erased_rows where false'
    ) %}
{% endmacro %}


{% macro spark__replace_table(name, query) %}
    {% do run_query('drop table if exists ' ~ name) %}
    {% do run_query('create table ' ~ name ~ ' using parquet as ' ~ query) %}
{% endmacro %}


{# Nothing has been written yet. #}
{% macro spark__undo_loading() %} {% endmacro %}


{% macro spark__files_there(paths) %}
    {% set folder = paths[0].rpartition('/')[0] %}
    {% set names = [] %}
    {% for path in paths %}
        {% do names.append(path.rpartition('/')[2]) %}
    {% endfor %}
    {% do run_query(
        'create or replace temporary view files_there using binaryFile options (path '
        ~ sql_string(folder) ~ ', pathGlobFilter ' ~ sql_string('{' ~ names | join(',') ~ '}') ~ ')'
    ) %}
    {% set there = run_query('select path from files_there').columns[0].values() | join(' ') %}
    {% set found = [] %}
    {% for path in paths if path.rpartition('/')[2] in there %}
        {% do found.append(path) %}
    {% endfor %}
    {{ return(found) }}
{% endmacro %}


{#
    Opens a file as the temporary view file_<identifier>, all columns as text, and checks it. Returns a query of
    its unreadable lines.
#}
{% macro spark__check_raw_file(path, source) %}
    {% set types = declared_types(source) %}
    {% set view = 'file_' ~ source.identifier %}
    {% set is_csv = path.endswith('.csv') %}
    {% if is_csv %}
        {% set format = var('csv_format') %}
        {% set delimiter = format.get('delimiter') or ',' %}
        {% if format.get('timestamp_format') or format.get('decimal_separator', '.') != '.' %}
            {% do stop_loading(
                'csv_format: on Spark CSV files must hold ISO 8601 times and decimal points. Change the files, '
                ~ 'or load them as Parquet.'
            ) %}
        {% endif %}
        {% do run_query(
            'create or replace temporary view header_line using text options (path ' ~ sql_string(path) ~ ')'
        ) %}
        {% set header = [] %}
        {% set first_line = run_query('select value from header_line limit 1').columns[0].values() | join %}
        {% for name in first_line.strip().lstrip('\ufeff').split(delimiter) %}
            {% do header.append(name.strip('"')) %}
        {% endfor %}
        {% do stop_unless_all_columns_are_there(path, types, header) %}
        {% do run_query(
            'create or replace temporary view ' ~ view ~ ' (`' ~ header | join('` string, `')
            ~ '` string, unreadable_line string) using csv options (path ' ~ sql_string(path)
            ~ ', sep ' ~ sql_string(delimiter) ~ ", header 'true', multiLine 'true', quote '\"', escape '\"', mode 'PERMISSIVE', "
            ~ "columnNameOfCorruptRecord 'unreadable_line')"
        ) %}
        {# All columns are parsed, once: a line is unreadable only where all of it is read. #}
        {% do run_query('cache table ' ~ view) %}
    {% else %}
        {% do run_query(
            'create or replace temporary view ' ~ view ~ ' using parquet options (path ' ~ sql_string(path) ~ ')'
        ) %}
        {% set header = run_query('describe ' ~ view).columns[0].values() %}
        {% do stop_unless_all_columns_are_there(path, types, header) %}
    {% endif %}
    {% for name, type in types.items() if type != 'string' %}
        {% set misfits = run_query(
            'select cast(' ~ sql_identifier(name) ~ ' as string), count(*) over () from ' ~ view ~ ' where '
            ~ ('unreadable_line is null and ' if is_csv else '')
            ~ 'nullif(cast(' ~ sql_identifier(name) ~ " as string), '') is not null and try_cast("
            ~ sql_identifier(name) ~ ' as ' ~ type
            ~ ') is null limit 1'
        ).rows %}
        {% for misfit in misfits %}
            {% do stop_loading(
                path ~ ', column ' ~ name ~ ': "' ~ misfit[0] ~ '" is no ' ~ type ~ ', one of ' ~ misfit[1]
                ~ ' such values. Correct the value, or leave it empty if it is unknown.'
            ) %}
        {% endfor %}
    {% endfor %}
    {% if not is_csv %}
        {{ return(
            'select cast(null as string) as file_name, cast(null as string) as reason, '
            ~ 'cast(null as string) as record where false'
        ) }}
    {% endif %}
    {% set lines = 'from ' ~ view ~ ' where unreadable_line is not null' %}
    {% set unreadable = run_query(
        'select count(*) from (select * ' ~ lines ~ ') as found'
    ).rows[0][0] %}
    {% if unreadable > var('max_unreadable_lines') %}
        {% do stop_loading(
            path ~ ' has ' ~ unreadable ~ ' lines that cannot be read; ' ~ var('max_unreadable_lines')
            ~ ' are allowed (max_unreadable_lines). Check that the file is UTF-8 text with commas and '
            ~ 'double quotes.'
        ) %}
    {% endif %}
    {{ return(
        'select ' ~ sql_string(source.identifier) ~ " as file_name, 'number of columns' as reason, "
        ~ 'unreadable_line as record ' ~ lines
    ) }}
{% endmacro %}
