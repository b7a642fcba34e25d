{#
    At the start of a run that builds staging: the raw files of the folder SEGMENTS_DATA go into schema `raw`
    (segmentation_dbt/raw_files.py). All or nothing: a fault leaves the tables of the last load in place.
#}
{% macro load_raw_files() %}
    {% if execute and builds_models() and selects_staging() and var('source') == 'relations' %}
        {% do prepare_relations() %}
    {% elif execute and builds_models() and selects_staging() %}
        {% set tables = [] %}
        {% for source in graph.sources.values() if source.source_name == var('source') %}
            {% set columns = {} %}
            {% for column in source.columns.values() %}
                {% do columns.update({column.name: column.data_type}) %}
            {% endfor %}
            {% do tables.append({
                'name': source.identifier,
                'columns': columns,
                'file_columns': adapter_macro('file_columns')(),
                'is_optional': source.meta.get('is_optional', false),
            }) %}
        {% endfor %}
        {% set folder = env_var('SEGMENTS_DATA', 'data/demo') %}
        {% do log('Reading the raw files in ' ~ folder, info=true) %}
        {% do call_python('load_raw_files', {
            'folder': folder,
            'source': var('source'),
            'schema': layer_schema('raw'),
            'tables': tables,
            'csv_format': var('csv_format'),
            'max_unreadable_lines': var('max_unreadable_lines'),
            'erasure': {
                'keys': adapter_macro('keys_of_erased')(),
                'erased_orders': adapter_macro('erased_orders')(layer_schema('raw')),
            },
            'amounts': adapter_macro('amounts')(),
            'time_zone': var('time_zone'),
            'made_by': makers_of_orders(),
        }) %}
    {% endif %}
{% endmacro %}


{# Whether the command builds models, as far as hooks have work for them. #}
{% macro builds_models() %} {{ return(flags.WHICH in ('build', 'run', 'retry')) }} {% endmacro %}


{% macro selects_staging() %}
    {% for unique_id in selected_resources if '.stg_' in unique_id %} {{ return(true) }} {% endfor %}
    {{ return(false) }}
{% endmacro %}


{#
    Erases a customer on request from every table of the warehouse and of its backup (of this project, where
    orders or labels are relations of somebody else's), and keeps later builds from
    bringing the customer back (segmentation_dbt/erasure.py).

        dbt run-operation erase_customer --args '{customer_id: 861eff4711a542e4b93843c6dd7febb0}'
#}
{% macro erase_customer(customer_id) %}
    {% if execute %}
        {% do log(call_python('erase_customer', {
            'customer_id': adapter_macro('normalized_id')(customer_id | string),
            'schema': layer_schema('raw'),
            'delimiter': var('csv_format').get('delimiter') or ',',
            'keys': adapter_macro('keys_of_erased')(),
            'erased_orders': adapter_macro('erased_orders')(layer_schema('raw')),
            'keys_schema': layer_schema('staging' if var('source') == 'relations' else 'raw'),
            'schemas': schemas_of_layers() if var('source') == 'relations' or has_labels() else none,
            'feed': [layer_schema('marts'), 'audience_changes'],
        }), info=true) %}
        {% do run_query('checkpoint') %}
    {% endif %}
{% endmacro %}


{# The schemas that the models of this project are in. #}
{% macro schemas_of_layers() %}
    {% set schemas = [] %}
    {% for node in graph.nodes.values() if node.package_name == 'customer_segmentation'
        and node.resource_type in ('model', 'seed') and node.schema not in schemas %}
        {% do schemas.append(node.schema) %}
    {% endfor %}
    {{ return(schemas) }}
{% endmacro %}
