{#
    Loads the file of every source table, NAME.csv or NAME.parquet, into schema `raw`, with the types
    that the sources declare. All or nothing: an error leaves the tables of the last load in place.

    A line that does not split into the columns is set aside in `raw.unreadable_lines`. A value that
    does not fit its type stops the run, because it is seldom alone: the message names file, line and
    column. Columns may stand in any order; undeclared ones are left out.
#}
{% macro load_raw_files(folder) %}
    {% if execute and flags.WHICH in ('build', 'run') and selects_staging() %}
        {% do adapter.dispatch('load_raw_files')(folder) %}
    {% endif %}
{% endmacro %}


{% macro default__load_raw_files(folder) %}
    {% do run_query('begin transaction') %}
    {% do run_query('create schema if not exists raw') %}
    {% do run_query(
        'create or replace table raw.unreadable_lines ('
        ~ 'file_name varchar, record_number bigint, reason varchar, record varchar)'
    ) %}
    {% for path, source in find_raw_files(folder) %}
        {% if path.endswith('.csv') %}
            {% do load_csv_file(path, source) %}
        {% else %}
            {% do load_parquet_file(path, source) %}
        {% endif %}
    {% endfor %}
    {% do leave_out_erased_customers() %}
    {% do run_query('commit') %}
{% endmacro %}


{% macro selects_staging() %}
    {% set ns = namespace(found=false) %}
    {% for unique_id in selected_resources if '.stg_' in unique_id %}
        {% set ns.found = true %}
    {% endfor %}
    {{ return(ns.found) }}
{% endmacro %}


{# What a user must mend: the open transaction is undone before the run stops. #}
{% macro stop_loading(message) %}
    {% do adapter.dispatch('undo_loading')() %}
    {% do exceptions.raise_compiler_error(message) %}
{% endmacro %}


{% macro default__undo_loading() %} {% do run_query('rollback') %} {% endmacro %}


{# Pairs of path and source, one for each source table; NAME.csv counts where both formats are there. #}
{% macro find_raw_files(folder) %}
    {% set found = [] %}
    {% set missing = [] %}
    {% do stop_unless_source_has_an_adapter() %}
    {% set sources = graph.sources.values() | selectattr('source_name', 'eq', var('source')) %}
    {% for source in sources | sort(attribute='identifier') %}
        {% set stem = folder.rstrip('/') ~ '/' ~ source.identifier %}
        {% set paths = adapter.dispatch('files_there')([stem ~ '.csv', stem ~ '.parquet']) %}
        {% if paths %}
            {% do found.append((paths[0], source)) %}
        {% else %}
            {% do missing.append(source.identifier ~ '.csv') %}
        {% endif %}
    {% endfor %}
    {% if missing %}
        {% do stop_loading(
            'The data folder ' ~ folder ~ ' has no file ' ~ missing | join(', ')
            ~ ' (or .parquet). DATA of make, or SEGMENTS_DATA of plain dbt, names the folder of the '
            ~ ('nine Olist files; make demo-data makes synthetic ones in data/demo.'
               if var('source') == 'olist' else 'raw files of the source ' ~ var('source') ~ '.')
        ) %}
    {% endif %}
    {{ return(found) }}
{% endmacro %}


{% macro default__files_there(paths) %}
    {% set quoted = [] %}
    {% for path in paths %}
        {% do quoted.append(sql_string(path)) %}
    {% endfor %}
    {{ return(run_query(
        'select file from glob([' ~ quoted | join(', ') ~ ']) order by file'
    ).columns[0].values()) }}
{% endmacro %}


{% macro load_csv_file(path, source) %}
    {% set types = declared_types(source) %}
    {% set header = csv_header(path) %}
    {% do stop_unless_all_columns_are_there(path, types, header) %}
    {% set columns = [] %}
    {% for name in header %}
        {% do columns.append(sql_string(name) ~ ': ' ~ sql_string(types.get(name, 'varchar'))) %}
    {% endfor %}
    {% do run_query(
        'create or replace table raw.' ~ adapter.quote(source.identifier) ~ ' as select '
        ~ declared_columns(source) ~ ' from read_csv(' ~ sql_string(path) ~ ', auto_detect = false, '
        ~ 'header = true, quote = \'"\', escape = \'"\', ' ~ csv_format() ~ ', '
        ~ 'columns = {' ~ columns | join(', ') ~ '}, store_rejects = true)'
    ) %}
    {% if run_query('select count(*) from reject_errors').rows[0][0] > 0 %}
        {% do set_unreadable_lines_aside(path, source) %}
    {% endif %}
    {% do run_query('drop table reject_errors') %}
    {% do run_query('drop table reject_scans') %}
{% endmacro %}


{#
    Sorts out the records in `reject_errors`: a value that does not fit its type, or a quote that does
    not end, stops the run; a record that does not split into the columns is set aside.
#}
{% macro set_unreadable_lines_aside(path, source) %}
    {% do run_query(
        "create or replace temporary table rejected_records as
        with records as (
            select
                line as record_number,
                min(byte_position) as position,
                arg_min(column_name, byte_position) as column_name,
                trim(any_value(csv_line), e'\\r\\n') as record,
                lower(arg_min(error_type, byte_position) filter (where error_type != 'CAST'))
                    as reason,
                rtrim(arg_min(error_message, byte_position), '.') as message
            from reject_errors
            group by line
        )
        select
            *,
            case
                when reason is null then 'misfit'
                when reason = 'unquoted value' and contains(record, chr(10)) then 'open quote'
                else 'unreadable'
            end as fault
        from records"
    ) %}
    {% set fatal = run_query(
        "select position, column_name, message, fault from rejected_records
        where fault != 'unreadable' order by position limit 1"
    ).rows %}
    {% for record in fatal %}
        {% do stop_loading(
            path ~ ', line ' ~ line_at(path, record[0]) ~ ', column ' ~ record[1] ~ ': '
            ~ record[2] ~ '. '
            ~ ('Correct the value, or leave it empty if it is unknown.' if record[3] == 'misfit'
               else 'Close the quote: the lines after it cannot be told apart.')
        ) %}
    {% endfor %}
    {% set rejected = run_query('select count(*), min(position) from rejected_records').rows[0] %}
    {% if rejected[0] > var('max_unreadable_lines') %}
        {% do stop_loading(
            path ~ ' has ' ~ rejected[0] ~ ' lines that cannot be read, the first is line '
            ~ line_at(path, rejected[1]) ~ '; ' ~ var('max_unreadable_lines')
            ~ ' are allowed (max_unreadable_lines). Check that the file is UTF-8 text with commas '
            ~ 'and double quotes.'
        ) %}
    {% endif %}
    {% do run_query(
        'insert into raw.unreadable_lines select ' ~ sql_string(source.identifier)
        ~ ', record_number, reason, record from rejected_records order by record_number'
    ) %}
    {% do run_query('drop table rejected_records') %}
{% endmacro %}


{#
    The line of a file that a byte stands on. DuckDB counts records instead, and a record with a line
    break inside quotes spans several lines.
#}
{% macro line_at(path, position) %}
    {{ return(run_query(
        "select len(string_split(cast(content[1:" ~ (position - 1) ~ "] as varchar), '\\x0A'))
        from read_blob(" ~ sql_string(path) ~ ")"
    ).rows[0][0]) }}
{% endmacro %}


{% macro load_parquet_file(path, source) %}
    {% set types = declared_types(source) %}
    {% set header = run_query(
        'describe from read_parquet(' ~ sql_string(path) ~ ')'
    ).columns[0].values() %}
    {% do stop_unless_all_columns_are_there(path, types, header) %}
    {% set casts = [] %}
    {% set misfits = [] %}
    {% for name, type in types.items() %}
        {% set column = sql_identifier(name) %}
        {% set value = 'try_cast(' ~ column ~ ' as ' ~ type ~ ')' %}
        {% if type == 'string' %}
            {# As in CSV, where an empty field is unknown. #}
            {% set value = 'nullif(' ~ value ~ ", '')" %}
        {% endif %}
        {% do casts.append(value ~ ' as ' ~ column) %}
        {% do misfits.append(
            'select ' ~ sql_string(name) ~ ' as column_name, file_row_number + 1 as row_number, '
            ~ 'cast(' ~ column ~ ' as varchar) as value, ' ~ sql_string(type) ~ ' as data_type '
            ~ 'from read_parquet(' ~ sql_string(path) ~ ', file_row_number = true) '
            ~ 'where ' ~ column ~ ' is not null and try_cast(' ~ column ~ ' as ' ~ type ~ ') is null'
        ) %}
    {% endfor %}
    {% set first = run_query(misfits | join(' union all ') ~ ' order by row_number limit 1').rows %}
    {% for misfit in first %}
        {% do stop_loading(
            path ~ ', row ' ~ misfit[1] ~ ', column ' ~ misfit[0] ~ ': "' ~ misfit[2]
            ~ '" is no ' ~ misfit[3] ~ '. Correct the value, or leave it empty if it is unknown.'
        ) %}
    {% endfor %}
    {% do run_query(
        'create or replace table raw.' ~ adapter.quote(source.identifier) ~ ' as select '
        ~ declared_columns(source) ~ ' from (select ' ~ casts | join(', ')
        ~ ' from read_parquet(' ~ sql_string(path) ~ '))'
    ) %}
{% endmacro %}


{# The type of each column of the file that is read. #}
{% macro declared_types(source) %}
    {% set file_columns = adapter_macro('file_columns')() %}
    {% set types = {} %}
    {% for column in source.columns.values() if file_columns.get(column.name, column.name) %}
        {% do types.update({file_columns.get(column.name, column.name): column.data_type}) %}
    {% endfor %}
    {{ return(types) }}
{% endmacro %}


{# The declared columns, from those of the file; null where the file has none. #}
{% macro declared_columns(source) %}
    {% set file_columns = adapter_macro('file_columns')() %}
    {% set columns = [] %}
    {% for column in source.columns.values() %}
        {% set file_column = file_columns.get(column.name, column.name) %}
        {% do columns.append(
            'cast(' ~ (sql_identifier(file_column) if file_column else 'null') ~ ' as ' ~ column.data_type
            ~ ') as ' ~ adapter.quote(column.name)
        ) %}
    {% endfor %}
    {{ return(columns | join(', ')) }}
{% endmacro %}


{# How CSV files are written, checked: options of read_csv. #}
{% macro csv_format() %}
    {% set format = var('csv_format') %}
    {% set options = [
        'delim = ' ~ sql_string(format.get('delimiter') or ','),
        'decimal_separator = ' ~ sql_string(format.get('decimal_separator') or '.'),
    ] %}
    {% if format.get('timestamp_format') %}
        {% do options.append('timestampformat = ' ~ sql_string(format.timestamp_format)) %}
    {% endif %}
    {{ return(options | join(', ')) }}
{% endmacro %}


{% macro stop_unless_all_columns_are_there(path, types, header) %}
    {% set missing = types.keys() | reject('in', header) | list %}
    {% if missing %}
        {% do stop_loading(
            path ~ ' has no column ' ~ missing | join(', ') ~ '. Its columns are: '
            ~ header | join(', ') ~ '. They must be named as '
            ~ ('in the published file.' if var('source') == 'olist' else 'the var transaction_columns says, and divided as csv_format says.')
        ) %}
    {% endif %}
    {% for name in types if header | select('eq', name) | list | length > 1 %}
        {% do stop_loading(path ~ ' has more than one column ' ~ name ~ '. Keep one of them.') %}
    {% endfor %}
{% endmacro %}


{# The names in the first line, read without looking at the lines after it. #}
{% macro csv_header(path) %}
    {{ return(run_query(
        "select trim(name, '\"') from (
            select unnest(string_split(trim(line, e'\\r'), "
            ~ sql_string(var('csv_format').get('delimiter') or ',') ~ ")) as name
            from (
                select line from read_csv(" ~ sql_string(path) ~ ", auto_detect = false,
                    header = false, delim = e'\\x1f', quote = '', escape = '',
                    columns = {'line': 'varchar'}, ignore_errors = true, strict_mode = false)
                limit 1
            )
        )"
    ).columns[0].values()) }}
{% endmacro %}
