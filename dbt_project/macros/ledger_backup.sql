{#
    The backup of the ledger that `make build` keeps beside the warehouse (scripts/kept_tables.py). What is taken
    out of the warehouse on request is taken out of its backup too, so that no later build brings it back.
#}

{# Attaches the backup as `ledger_backup`; returns whether there is one. #}
{% macro attach_backup() %} {{ return(adapter.dispatch('attach_backup')()) }} {% endmacro %}


{% macro default__attach_backup() %}
    {% set path = run_query(
        'select path from duckdb_databases() where database_name = current_database()'
    ).rows[0][0] or '' %}
    {% set backup = path.removesuffix('.duckdb') ~ '.ledger.duckdb' %}
    {# In a pattern of glob, these characters stand for others. #}
    {% set pattern = backup | replace('[', '[[]') | replace('*', '[*]') | replace('?', '[?]') %}
    {% if not run_query('select file from glob(' ~ sql_string(pattern) ~ ')').rows %}
        {{ return(false) }}
    {% endif %}
    {% do run_query('attach ' ~ sql_string(backup) ~ ' as ledger_backup') %}
    {{ return(true) }}
{% endmacro %}


{% macro spark__attach_backup() %} {{ return(false) }} {% endmacro %}


{% macro detach_backup() %}
    {% do run_query('checkpoint ledger_backup') %}
    {% do run_query('detach ledger_backup') %}
{% endmacro %}


{% macro drop_registry_of_backup() %}
    {% if attach_backup() %}
        {% for relation in registry_relations() %}
            {% do run_query(
                'drop table if exists ledger_backup.' ~ relation.schema ~ '.' ~ relation.identifier
            ) %}
        {% endfor %}
        {% do detach_backup() %}
    {% endif %}
{% endmacro %}
