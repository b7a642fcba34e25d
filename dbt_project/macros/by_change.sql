{#
    Tables that are made by change: a build touches the rows of those orders and customers of whom raw files have
    new rows (segmentation_dbt/loads.py), and the table is as a whole build makes it. Such a model has the tag
    `by_change`, this materialization, the strategy `append`, and `delete_changed` for a pre_hook. Spark makes them
    whole.
#}
{% macro made_by_change() %} {{ return(adapter.dispatch('made_by_change')()) }} {% endmacro %}
{% macro default__made_by_change() %} {{ return('incremental') }} {% endmacro %}
{% macro spark__made_by_change() %} {{ return('table') }} {% endmacro %}


{# Before the new rows of a table come those that they replace go: of the keys that a model names. #}
{% macro delete_changed(key, changed) %}
    {% if is_incremental() %}
        delete from {{ this }} where {{ key }} in (select {{ key }} from {{ changed }})
    {% endif %}
{% endmacro %}


{#
    Whether a row of a raw table is new to the tables by change. Where these are made whole it is unknown of every row:
    `begin_tables_by_change` has forgotten which is the first.
#}
{% macro is_new_row(raw_table) %} {{ return(adapter.dispatch('is_new_row')(raw_table)) }} {% endmacro %}
{% macro default__is_new_row(raw_table) -%}
    rowid >= (select first_new_row from {{ source('raw_files', 'loads') }} where table_name = '{{ raw_table }}')
{%- endmacro %}
{% macro spark__is_new_row(raw_table) %} {{ return('false') }} {% endmacro %}


{#
    At the start of a run, after the raw files: where one was read whole, the code has changed, or a table is
    missing, the tables by change go, to be made whole. The newest versions wait under another name for `int_losses`.
#}
{% macro begin_tables_by_change() %}
    {% if execute and builds_models() and target.type == 'duckdb' and not goes_by_change() %}
        {% set loads = table_named(layer_schema('raw'), 'loads') %}
        {% if has_loads() %}
            {% do run_query('update ' ~ loads ~ ' set first_new_row = null') %}
        {% endif %}
        {% for model in models_by_change() if model.unique_id in selected_resources %}
            {% set relation = load_relation(table_named(model.schema, model.alias)) %}
            {% if relation is not none and model.name == 'int_customer_versions' %}
                {% set before = table_named(model.schema, 'int_customer_versions_before') %}
                {% do run_query('drop table if exists ' ~ before) %}
                {% do run_query('alter table ' ~ relation ~ ' rename to ' ~ before.identifier) %}
                {% do adapter.cache_renamed(relation, before) %}
            {% elif relation is not none %}
                {% do run_query('drop table ' ~ relation) %}
                {% do adapter.cache_dropped(relation) %}
            {% endif %}
        {% endfor %}
    {% endif %}
{% endmacro %}


{# At the end of a run that has made all tables by change: no row of the raw tables is new any more. #}
{% macro end_tables_by_change() %}
    {% if execute and builds_models() and target.type == 'duckdb' and adapter_macro('knows_new_rows')() %}
        {% set made = [] %}
        {% for result in results if result.status == 'success' %} {% do made.append(result.node.unique_id) %} {% endfor %}
        {% if models_by_change() | map(attribute='unique_id') | reject('in', made) | list == [] %}
            {% do call_python('take_in', {'schema': layer_schema('raw')}) %}
        {% endif %}
    {% endif %}
{% endmacro %}


{# The source has to know which customers have new rows. #}
{% macro goes_by_change() %}
    {% set loads = table_named(layer_schema('raw'), 'loads') %}
    {% if not execute or target.type != 'duckdb' or not adapter_macro('knows_new_rows')() or not has_loads() %} {{ return(false) }} {% endif %}
    {% for model in models_by_change() if load_relation(table_named(model.schema, model.alias)) is none %}
        {{ return(false) }}
    {% endfor %}
    {{ return(run_query('select count(*) = count(first_new_row) from ' ~ loads).rows[0][0]) }}
{% endmacro %}


{# Not by load_relation, which opens a transaction: hooks roll it back at their end. #}
{% macro has_loads() %}
    {{ return(run_query(
        "select count(*) > 0 from information_schema.tables where table_name = 'loads' and table_catalog = "
        ~ "current_database() and table_schema = '" ~ layer_schema('raw') ~ "'"
    ).rows[0][0]) }}
{% endmacro %}


{% macro models_by_change() %}
    {% set found = [] %}
    {% for model in graph.nodes.values() if model.resource_type == 'model' and 'by_change' in model.config.tags %}
        {% do found.append(model) %}
    {% endfor %}
    {{ return(found) }}
{% endmacro %}


{# What decides, beside the raw files, what is made of them: models of these layers, and vars. #}
{% macro makers_of_orders() %}
    {% set told = [vars_of_orders()] %}
    {% for model in graph.nodes.values() if model.resource_type == 'model' and model.package_name == 'customer_segmentation'
        and model.fqn[1] in ('staging', 'intermediate') %}
        {% do told.append(model.checksum.checksum) %}
    {% endfor %}
    {{ return(local_md5(told | sort | join(' '))) }}
{% endmacro %}
