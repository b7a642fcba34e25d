{#
    Loads the file of every source table, NAME.csv or NAME.parquet, into schema `raw`, with the types
    that the sources declare. All or nothing: an error leaves the tables of the last load in place.

    A line that does not split into the columns is rejected in `raw.unreadable_lines`. A value that
    does not fit its type, or would be changed by it, stops the run, because it is seldom alone: the
    message names file and column, and the line of what cannot be read at all. Columns may stand in
    any order; undeclared ones are left out.
#}
{% macro load_raw_files(folder) %}
    {# `make build` has loaded them while dbt was starting (scripts/raw_files.py). #}
    {% set is_loaded = env_var('SEGMENTS_RAW_FILES', '') == 'loaded' %}
    {% if execute and flags.WHICH in ('build', 'run') and selects_staging() and not is_loaded %}
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


{#
    What a user must mend: the open transaction is undone before the run stops. Control characters of a file
    are not for a terminal.
#}
{% macro stop_loading(message) %}
    {% do adapter.dispatch('undo_loading')() %}
    {% do exceptions.raise_compiler_error(modules.re.sub('[\\x00-\\x1f\\x7f]', '\ufffd', message)) %}
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
        {% do quoted.append(sql_string(path_pattern(path))) %}
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
    {% set checks = [first_misfit(types) ~ ' as misfit'] %}
    {% set checked = ['misfit'] %}
    {% for name in header %}
        {# Other columns are read under names of ours: theirs may be empty, or there twice. #}
        {% set read_as = name if name in types else 'column ' ~ loop.index %}
        {% do columns.append(
            sql_string(read_as) ~ ': ' ~ sql_string(type_to_read(types.get(name, 'string')))
        ) %}
        {% if name not in types %}
            {# With a column that nobody asks for, DuckDB would name a wrong one where a time is no time. #}
            {% do checks.append(sql_identifier(read_as) ~ ' is null as ' ~ sql_identifier(read_as)) %}
            {% do checked.append(read_as) %}
        {% endif %}
    {% endfor %}
    {% set raw_table = 'raw.' ~ adapter.quote(source.identifier) %}
    {% do run_query(
        'create or replace table ' ~ raw_table ~ ' as select ' ~ declared_columns(source) ~ ', '
        ~ checks | join(', ') ~ ' from read_csv(' ~ sql_string(path_pattern(path))
        ~ ', auto_detect = false, header = true, quote = \'"\', escape = \'"\', ' ~ csv_format()
        ~ ', columns = {' ~ columns | join(', ') ~ '}, store_rejects = true)'
    ) %}
    {% if run_query('select count(*) from reject_errors').rows[0][0] > 0 %}
        {% do set_unreadable_lines_aside(path, source) %}
    {% endif %}
    {% do run_query('drop table reject_errors') %}
    {% do run_query('drop table reject_scans') %}
    {% for misfit in run_query(
        'select misfit.column_name, misfit.value, count(*) over (partition by misfit.column_name) from '
        ~ raw_table ~ ' where misfit is not null order by 1, 2 limit 1'
    ).rows %}
        {% do stop_loading(
            path ~ ', column ' ~ misfit[0] ~ ': ' ~ is_no(misfit[1], types[misfit[0]])
            ~ (' (one of ' ~ misfit[2] ~ ' such values)' if misfit[2] > 1 else '')
            ~ '. Correct the value, or leave it empty if it is unknown.'
        ) %}
    {% endfor %}
    {% for name in checked %}
        {% do run_query('alter table ' ~ raw_table ~ ' drop column ' ~ sql_identifier(name)) %}
    {% endfor %}
{% endmacro %}


{# The first column of a row whose value cannot be kept in its declared type, with the value; else null. #}
{% macro first_misfit(types) %}
    {% set cases = [] %}
    {% for name, type in types.items() if type != 'string' %}
        {% set column = sql_identifier(name) %}
        {% do cases.append(
            'when ' ~ column ~ ' is not null and not coalesce(' ~ fits(column, type) ~ ', false) '
            ~ "then {'column_name': " ~ sql_string(name) ~ ", 'value': " ~ value_as_text(column, type) ~ '}'
        ) %}
    {% endfor %}
    {{ return('case ' ~ cases | join(' ') ~ ' end' if cases else 'null') }}
{% endmacro %}


{#
    The type in which values of a declared type are read, so that a cast cannot change them unseen: 4.5 is
    not rounded to an integer, and a time with an offset becomes UTC.
#}
{% macro type_to_read(type) %}
    {% if type == 'timestamp' %}
        {# A format of its own is for times without an offset. #}
        {{ return('timestamp' if var('csv_format').get('timestamp_format') else 'timestamptz') }}
    {% elif type == 'integer' or type.startswith('decimal') %}
        {{ return('decimal(18, 6)') }}
    {% endif %}
    {{ return(type) }}
{% endmacro %}


{# Whether a value, as it is read, can be kept in its declared type. #}
{% macro fits(value, type) %}
    {% if type == 'timestamp' %}
        {{ return(
            '(' ~ value ~ ' >= ' ~ sql_timestamp(var('earliest_time')) ~ ' and '
            ~ value ~ ' < ' ~ sql_timestamp(var('latest_time')) ~ ')'
        ) }}
    {% elif type == 'double' %}
        {{ return('isfinite(' ~ value ~ ')') }}
    {% endif %}
    {{ return('coalesce(try_cast(' ~ value ~ ' as ' ~ type ~ ') = ' ~ value ~ ', false)') }}
{% endmacro %}


{# A value that is read, as it looks in a file. #}
{% macro value_as_text(value, type) %}
    {% if type in ('timestamp', 'double') %}
        {{ return('cast(cast(' ~ value ~ ' as ' ~ type ~ ') as varchar)') }}
    {% endif %}
    {{ return("rtrim(rtrim(cast(" ~ value ~ " as varchar), '0'), '.')") }}
{% endmacro %}


{# What a message says of a value that does not fit. #}
{% macro is_no(value, type) %}
    {% set words = {
        'integer': 'whole number',
        'double': 'number',
        'timestamp': 'time from ' ~ var('earliest_time') ~ ' to ' ~ var('latest_time') ~ ', written as '
            ~ (var('csv_format').get('timestamp_format') or '2018-01-31 18:05:00'),
    } %}
    {{ return('"' ~ value ~ '" is no ' ~ words.get(type, 'amount in whole cents below 10,000,000,000')) }}
{% endmacro %}


{#
    Sorts out the records in `reject_errors`: a value that does not fit its type, or a quote that does
    not end, stops the run; a record that does not split into the columns is rejected.
#}
{% macro set_unreadable_lines_aside(path, source) %}
    {% do run_query(
        "create or replace temporary table rejected_records as
        with records as (
            select
                line as record_number,
                min(position) as position,
                arg_min(column_name, position) as column_name,
                trim(any_value(csv_line), e'\\r\\n') as record,
                lower(arg_min(error_type, position) filter (where error_type != 'CAST'))
                    as reason,
                arg_min(error_message, position) as message
            from (
                -- Times have no position of their own.
                select *, coalesce(byte_position, line_byte_position) as position from reject_errors
            )
            group by line
        )
        select
            *,
            regexp_extract(message, 'Could not convert string \"(.*)\" to ', 1, 's') as value,
            case
                when reason is null then 'misfit'
                when reason = 'unquoted value' and contains(record, chr(10)) then 'open quote'
                else 'unreadable'
            end as fault
        from records"
    ) %}
    {% set fatal = run_query(
        "select position, column_name, value, fault from rejected_records
        where fault != 'unreadable' order by position limit 1"
    ).rows %}
    {% for record in fatal %}
        {% do stop_loading(
            path ~ ', line ' ~ line_at(path, record[0]) ~ ', column ' ~ record[1] ~ ': '
            ~ (is_no(record[2], declared_types(source)[record[1]])
               ~ '. Correct the value, or leave it empty if it is unknown.' if record[3] == 'misfit'
               else 'the quote does not end. Close it: the lines after it cannot be told apart.')
        ) %}
    {% endfor %}
    {% set rejected = run_query('select count(*), min(position) from rejected_records').rows[0] %}
    {% set has_readable_lines = run_query(
        'select 1 from raw.' ~ adapter.quote(source.identifier) ~ ' limit 1'
    ).rows | length > 0 %}
    {% if rejected[0] > var('max_unreadable_lines') or not has_readable_lines %}
        {% do stop_loading(
            path ~ ' has ' ~ rejected[0] ~ ' lines that cannot be read, the first is line '
            ~ line_at(path, rejected[1])
            ~ ('; ' ~ var('max_unreadable_lines') ~ ' are allowed (max_unreadable_lines)'
               if has_readable_lines else ', and none that can')
            ~ '. Check that the file is UTF-8 text with commas and double quotes.'
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
        from read_blob(" ~ sql_string(path_pattern(path)) ~ ")"
    ).rows[0][0]) }}
{% endmacro %}


{% macro load_parquet_file(path, source) %}
    {% set types = declared_types(source) %}
    {% set pattern = sql_string(path_pattern(path)) %}
    {% set file = 'read_parquet(' ~ pattern ~ ', file_row_number = true)' %}
    {% set header = run_query('describe from read_parquet(' ~ pattern ~ ')').columns[0].values() %}
    {% do stop_unless_all_columns_are_there(path, types, header) %}
    {% set values = [] %}
    {% set misfits = [] %}
    {% for name, type in types.items() %}
        {% set column = sql_identifier(name) %}
        {% set value = 'try_cast(' ~ column ~ ' as ' ~ type_to_read(type) ~ ')' %}
        {% if type == 'string' %}
            {# As in CSV, where an empty field is unknown. #}
            {% do values.append('nullif(' ~ value ~ ", '') as " ~ column) %}
        {% else %}
            {% do values.append(value ~ ' as ' ~ column) %}
            {% do misfits.append(
                'select ' ~ sql_string(name) ~ ' as column_name, file_row_number + 1 as row_number, '
                ~ 'cast(' ~ column ~ ' as varchar) as value from ' ~ file ~ ' where ' ~ column
                ~ ' is not null and not coalesce(' ~ fits(value, type) ~ ', false)'
            ) %}
        {% endif %}
    {% endfor %}
    {% if misfits %}
        {% for misfit in run_query(
            misfits | join(' union all ') ~ ' order by row_number limit 1'
        ).rows %}
            {% do stop_loading(
                path ~ ', row ' ~ misfit[1] ~ ', column ' ~ misfit[0] ~ ': '
                ~ is_no(misfit[2], types[misfit[0]])
                ~ '. Correct the value, or leave it empty if it is unknown.'
            ) %}
        {% endfor %}
    {% endif %}
    {% do run_query(
        'create or replace table raw.' ~ adapter.quote(source.identifier) ~ ' as select '
        ~ declared_columns(source) ~ ' from (select ' ~ values | join(', ') ~ ' from ' ~ file ~ ')'
    ) %}
{% endmacro %}


{# The pattern that means just this path: DuckDB takes *, ? and [ in a path for wildcards. #}
{% macro path_pattern(path) %}
    {{ return(modules.re.sub('([*?[])', '[\\1]', path)) }}
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
            'try_cast(' ~ (sql_identifier(file_column) if file_column else 'null') ~ ' as ' ~ column.data_type
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
    {% if missing | length == types | length and path.endswith('.csv') %}
        {% do stop_loading(
            path ~ ' does not begin with the names of its columns. '
            ~ ('Its first readable line is: ' ~ (header | join(','))[:80] if header | join
               else 'Its first line is empty or cannot be read')
            ~ '. It must be UTF-8 text, and the line ' ~ types | join(',') ~ ' the first'
            ~ ('.' if var('source') == 'olist'
               else ' (vars transaction_columns and csv_format, delimiter).')
        ) %}
    {% elif missing %}
        {% do stop_loading(
            path ~ ' has no column ' ~ missing | join(', ') ~ '. Its columns are: '
            ~ header | join(', ') ~ '. They must be named as '
            ~ ('in the published file.' if var('source') == 'olist'
               else 'the var transaction_columns says.')
        ) %}
    {% endif %}
    {% for name in types if header | select('eq', name) | list | length > 1 %}
        {% do stop_loading(path ~ ' has more than one column ' ~ name ~ '. Keep one of them.') %}
    {% endfor %}
{% endmacro %}


{# The names in the first readable line, read without looking at the lines after it. #}
{% macro csv_header(path) %}
    {% set lines = run_query(
        "select coalesce(line, '') from read_csv(" ~ sql_string(path_pattern(path)) ~ ", auto_detect = false,
            header = false, delim = e'\x1f', quote = '', escape = '', columns = {'line': 'varchar'},
            ignore_errors = true, strict_mode = false)
        limit 1"
    ).columns[0].values() %}
    {% set header = [] %}
    {% set delimiter = modules.re.escape(var('csv_format').get('delimiter') or ',') %}
    {% set field = '(?:^|' ~ delimiter ~ ')("(?:[^"]|"")*"|[^' ~ delimiter ~ ']*)' %}
    {% for name in modules.re.findall(field, (lines | join).rstrip('\r')) %}
        {% do header.append(name.strip('"')) %}
    {% endfor %}
    {{ return(header) }}
{% endmacro %}
