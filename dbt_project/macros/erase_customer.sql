{#
    Erases a customer on request from every table of the warehouse and of its backup, and keeps later builds from
    bringing the customer back. Models, the points that they are fitted on (values without ids), transitions and other
    sums over customers stay as they are.

        dbt run-operation erase_customer --args '{customer_id: 861eff4711a542e4b93843c6dd7febb0}'

    The list of erased customers, raw.erased_customers, holds a hash (SHA-256) in place of the id, when the
    customer was erased and from how many rows.
#}
{% macro erase_customer(customer_id) %}
    {% do adapter.dispatch('erase_customer')(customer_id) %}
{% endmacro %}


{% macro spark__erase_customer(customer_id) %}
    {% do exceptions.raise_compiler_error(
        'On Spark no customer can be erased: rows of Parquet tables cannot be deleted. Take the customer out of '
        ~ 'the raw files, drop the warehouse folder and build anew.'
    ) %}
{% endmacro %}


{% macro default__erase_customer(customer_id) %}
    {% if execute %}
        {% set customer = sql_string(customer_id | string) %}
        {% do stop_unless_built_from_source() %}
        {# The backup first: a warehouse without the customer never stands beside a backup with the customer. #}
        {% set has_backup = attach_backup() %}
        {% if has_backup %}
            {% set warehouse = run_query('select current_database()').rows[0][0] %}
            {% do run_query('use ledger_backup') %}
            {% do erase_customer_from_database(customer) %}
            {% do run_query('use ' ~ adapter.quote(warehouse)) %}
        {% endif %}
        {% set rows = erase_customer_from_database(customer) %}
        {% if has_backup %}
            {# The proof counts the rows of the warehouse. #}
            {% do run_query(
                'create or replace table ledger_backup.raw.erased_customers as from raw.erased_customers'
            ) %}
            {% do detach_backup() %}
        {% endif %}
        {% do log(
            'Erased ' ~ rows ~ ' rows of the customer. '
            ~ (
                'No build brings the customer back while raw.erased_customers is kept.'
                if rows
                else 'The customer is not in the warehouse, but is now on the list of erased ones.'
            ), info=true
        ) %}
    {% endif %}
{% endmacro %}


{# Without its vars, a warehouse of another source would keep the customer's raw rows. #}
{% macro stop_unless_built_from_source() %}
    {% set raw_tables = run_query(
        "select 'raw.' || table_name from duckdb_tables() "
        ~ "where schema_name = 'raw' and database_name = current_database()"
    ).columns[0].values() %}
    {% if dict(adapter_macro('keys_of_erased')()).keys() | reject('in', raw_tables) | list %}
        {% do exceptions.raise_compiler_error(
            'The warehouse was not built from the source ' ~ var('source') ~ ': give the vars that it was built '
            ~ 'with (VARS= of make erase).'
        ) %}
    {% endif %}
{% endmacro %}


{# Erases a customer, a quoted id, from the database in use; returns from how many rows. #}
{% macro erase_customer_from_database(customer) %}
    {% set known_tables = run_query(
        "select schema_name || '.' || table_name, list(column_name) from duckdb_columns() "
        ~ "where not internal and database_name = current_database() "
        ~ "and table_name in (select table_name from duckdb_tables()) "
        ~ "group by schema_name, table_name order by 1"
    ).rows %}
    {% do run_query('begin transaction') %}
    {% do create_list_of_erased_customers() %}
    {% do run_query(
        'insert into raw.erased_customers select sha256(' ~ customer ~ '), '
        ~ "cast(now() at time zone 'UTC' as timestamp), 0 "
        ~ 'where sha256(' ~ customer ~ ') not in (select customer_hash from raw.erased_customers)'
    ) %}
    {% set erased = namespace(rows=delete_erased_raw_rows(known_tables)) %}
    {% for table, columns in known_tables
        if not table.startswith('raw.') and 'customer_id' in columns %}
        {% set erased.rows = erased.rows + run_query(
            'delete from ' ~ table ~ ' where customer_id = ' ~ customer
        ).rows[0][0] %}
    {% endfor %}
    {% do run_query(
        'update raw.erased_customers set rows_erased = rows_erased + ' ~ erased.rows
        ~ ' where customer_hash = sha256(' ~ customer ~ ')'
    ) %}
    {% do run_query('commit') %}
    {% do run_query('checkpoint') %}
    {{ return(erased.rows) }}
{% endmacro %}


{#
    A line that cannot be read stays counted, without its text when one of its fields is an erased customer or an
    order of one.
#}
{% macro blank_unreadable_lines_of_erased() %}
    {% set separators = sql_string((var('csv_format').get('delimiter') or ',') ~ '"') ~ ' || chr(13)' %}
    {% set fields = 'string_split(translate(record, ' ~ separators ~ ', repeat(chr(10), 3)), chr(10))' %}
    {% do run_query(
        'update raw.unreadable_lines set record = null where list_has_any('
        ~ 'list_transform(' ~ fields ~ ', lambda field: sha256(field)), '
        ~ '(select list(customer_hash) from raw.erased_customers)) '
        ~ 'or list_has_any(' ~ fields ~ ', (select list(customer_id) || list(order_id) from erased_orders))'
    ) %}
{% endmacro %}


{% macro create_list_of_erased_customers() %}
    {% do run_query('create schema if not exists raw') %}
    {% do run_query(
        'create table if not exists raw.erased_customers ('
        ~ 'customer_hash varchar, erased_at timestamp, rows_erased bigint)'
    ) %}
{% endmacro %}


{# Part of loading the raw files: rows of erased customers are counted and do not stay. #}
{% macro leave_out_erased_customers() %}
    {% do create_list_of_erased_customers() %}
    {% do run_query(
        'create or replace table raw.rows_of_erased_customers (file_name varchar, erased_rows bigint)'
    ) %}
    {% if run_query('select count(*) from raw.erased_customers').rows[0][0] > 0 %}
        {% set tables = run_query(
            "select 'raw.' || table_name, [] from duckdb_tables() where schema_name = 'raw'"
        ).rows %}
        {% do delete_erased_raw_rows(tables) %}
    {% endif %}
{% endmacro %}


{#
    Deletes the rows of erased customers from the raw tables and from what is keyed by their orders, as far as
    `tables` (names and columns) has them; counts them in raw.rows_of_erased_customers. Returns how many.
#}
{% macro delete_erased_raw_rows(tables) %}
    {% set names = tables | map(attribute=0) | list %}
    {% set erased = namespace(rows=0) %}
    {% set keys = dict(adapter_macro('keys_of_erased')()) %}
    {% if not keys.keys() | reject('in', names) | list %}
        {% do run_query(
            'create or replace temporary table erased_orders as ' ~ adapter_macro('erased_orders')()
        ) %}
        {% for table, columns in tables
            if not table.startswith('raw.') and 'order_id' in columns and 'customer_id' not in columns %}
            {% do keys.update({table: 'order_id'}) %}
        {% endfor %}
        {% for table, key in keys.items() if table in names %}
            {% set rows = run_query(
                'delete from ' ~ table ~ ' where ' ~ key ~ ' in ('
                ~ 'select erased_orders.' ~ key ~ ' from erased_orders '
                ~ 'where erased_orders.' ~ key ~ ' is not null)'
            ).rows[0][0] %}
            {% set erased.rows = erased.rows + rows %}
            {% if table.startswith('raw.') and rows and 'raw.rows_of_erased_customers' in names %}
                {% do run_query(
                    'insert into raw.rows_of_erased_customers values ('
                    ~ sql_string(table.removeprefix('raw.')) ~ ', ' ~ rows ~ ')'
                ) %}
            {% endif %}
        {% endfor %}
        {% do blank_unreadable_lines_of_erased() %}
        {% do run_query('drop table erased_orders') %}
    {% endif %}
    {{ return(erased.rows) }}
{% endmacro %}
