{# What the figures of a comparison depend on beside customers and candidates; a change makes it stale. #}
{% macro comparison_settings() %}
    {% set settings = {} %}
    {% if execute %}
        {% set model = graph.nodes.values() | selectattr('name', 'eq', 'choose_fitted_candidates') | first %}
        {% for name, value in model.config.meta.items() if name != 'processes' %}
            {% do settings.update({name: value}) %}
        {% endfor %}
    {% endif %}
    {{ return(settings) }}
{% endmacro %}


{#
    Makes sure that the table of the last comparison is there, empty before the first one, because
    the models that read it are built without it. One of another version of the project is dropped.
#}
{% macro keep_last_comparison() %}
    {% if execute and flags.WHICH in ('build', 'run') %}
        {% for unique_id in selected_resources if unique_id.endswith('.choose_fitted_candidates') %}
            {% do log(
                'Candidates for the model are compared in this run, which takes its time; '
                ~ '--exclude choose_fitted_candidates leaves it out.', info=true
            ) %}
        {% endfor %}
        {% set columns = {
            'candidate_id': 'varchar',
            'customers': 'bigint',
            'basis': 'varchar',
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
            'error': 'varchar',
            'separation': 'struct(feature varchar, share double)[]',
            'segments':
                'struct(cluster integer, customers bigint, silhouette double, jaccard double, '
                ~ 'features struct(feature varchar, mean double, median double, mean_scaled double)[])[]',
            'compared_as_of': 'timestamp',
            'compared_at': 'timestamp',
            'data_fingerprint': 'varchar',
            'settings_fingerprint': 'varchar',
        } %}
        {% set relation = api.Relation.create(
            database=target.database, schema='choose', identifier='choose_fitted_candidates',
            type='table'
        ) %}
        {% set found = run_query(
            "select column_name from information_schema.columns where table_schema = 'choose' "
            ~ "and table_name = 'choose_fitted_candidates' order by column_name"
        ).columns[0].values() | list %}
        {% if found and found != columns.keys() | sort %}
            {% do log(
                'The comparison in the warehouse was made by another version of the project and is '
                ~ 'dropped: make compare makes a new one.', info=true
            ) %}
            {% do run_query('drop table ' ~ relation) %}
        {% endif %}
        {% set declared = [] %}
        {% for name, type in columns.items() %}
            {% do declared.append(name ~ ' ' ~ type) %}
        {% endfor %}
        {% do run_query('create schema if not exists choose') %}
        {% do run_query(
            'create table if not exists ' ~ relation ~ ' (' ~ declared | join(', ') ~ ')'
        ) %}
        {% do adapter.cache_added(relation) %}
    {% endif %}
{% endmacro %}
