{# What the figures of a comparison depend on beside customers and candidates; a change makes it stale. #}
{% macro comparison_settings() %}
    {% set settings = {} %}
    {% if execute %}
        {% set model = graph.nodes.values() | selectattr('name', 'eq', 'selection_fitted_candidates') | first %}
        {% for name, value in model.config.meta.items() if name not in ['processes', 'is_asked'] %}
            {% do settings.update({name: value}) %}
        {% endfor %}
    {% endif %}
    {{ return(settings) }}
{% endmacro %}


{#
    Makes sure that the tables of the last comparison are there, empty before the first one, because
    the models that read them are built without it. One of another version of the project is dropped.
#}
{% macro keep_last_comparison() %}
    {% if execute and builds_models() %}
        {% for unique_id in selected_resources if unique_id.endswith('.selection_fitted_candidates')
            and graph.nodes[unique_id].config.meta.is_asked %}
            {% do log(
                'Candidates for the model and options for the contract are compared in this run, which '
                ~ 'takes its time; --exclude selection_fitted_candidates monitoring_contract_options leaves it '
                ~ 'out.', info=true
            ) %}
        {% endfor %}
        {% do keep_table('selection', 'selection_fitted_candidates', {
            'candidate_id': 'string',
            'customers': 'bigint',
            'basis': 'string',
            'clusters': 'integer',
            'eps': 'double',
            'silhouette': 'double',
            'silhouette_standard_error': 'double',
            'simplified_silhouette': 'double',
            'davies_bouldin': 'double',
            'calinski_harabasz': 'double',
            'balance': 'double',
            'smallest_share': 'double',
            'noise_share': 'double',
            'resamples': 'integer',
            'failed_resamples': 'integer',
            'resampling_agreement': 'double',
            'resampling_agreement_p05': 'double',
            'seed_agreement': 'double',
            'fit_seconds': 'double',
            'error': 'string',
            'separation': list_type({'feature': 'string', 'share': 'double'}),
            'segments': list_type({
                'cluster': 'integer',
                'customers': 'bigint',
                'silhouette': 'double',
                'jaccard': 'double',
                'features': list_type({
                    'feature': 'string', 'mean': 'double', 'median': 'double', 'mean_scaled': 'double'
                }),
            }),
            'compared_as_of': 'timestamp',
            'compared_at': 'timestamp',
            'data_fingerprint': 'string',
            'settings_fingerprint': 'string',
        }) %}
        {% do keep_table('monitoring', 'monitoring_contract_options', {
            'option': 'string',
            'features': 'string',
            'observation_months': 'integer',
            'n_segments': 'integer',
            'is_recentred': 'boolean',
            'fitted_as_of': 'timestamp',
            'evaluation_date': 'timestamp',
            'weeks': 'double',
            'customers': 'bigint',
            'adjusted_rand_index': 'double',
            'migrated_share': 'double',
            'business_sense': 'double',
            'smallest_share': 'double',
        }) %}
    {% endif %}
{% endmacro %}


{# Creates a table of these columns where there is none, or one with others. #}
{% macro keep_table(layer, name, columns) %}
    {% set schema = layer_schema(layer) %}
    {% set relation = table_named(schema, name) %}
    {% set found = column_names_of(relation) %}
    {% if found and found | sort != columns.keys() | sort %}
        {% do log(
            'The comparison in the warehouse was made by another version of the project and is '
            ~ 'dropped: make compare makes a new one.', info=true
        ) %}
        {% do run_query('drop table ' ~ relation) %}
    {% endif %}
    {% set declared = [] %}
    {% for column, type in columns.items() %}
        {% do declared.append(column ~ ' ' ~ type) %}
    {% endfor %}
    {% do run_query('create schema if not exists ' ~ schema) %}
    {% do create_empty_table(relation, declared | join(', ')) %}
    {% do adapter.cache_added(relation) %}
{% endmacro %}


{# A customer with all features, as one text. #}
{% macro customer_as_text() -%}
    concat_ws(
        '|',
        customer_id
        {%- for feature in var('feature_transforms') %},
            coalesce(cast({{ feature }} as string), '')
        {%- endfor %}
    )
{%- endmacro %}
