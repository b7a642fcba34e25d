{#
    The model registry: the tables that only grow. They are incremental models with `full_refresh: false`, and the
    published segments, whose dates of change later builds carry on. The feed of audiences is none of them: its readers hold
    a cursor, which outlasts models.
#}
{% macro registry_relations() %}
    {% set found = [] %}
    {% for model in graph.nodes.values() if model.resource_type == 'model' and model.package_name == 'customer_segmentation'
        and (model.config.materialized == 'incremental' or model.name == 'customer_segments')
        and model.name != 'audience_changes' and 'by_change' not in model.config.tags %}
        {% do found.append(table_named(model.schema, model.name)) %}
    {% endfor %}
    {{ return(found) }}
{% endmacro %}


{# At the start of a run: a registry that another version of the project has written goes. #}
{% macro keep_registry() %}
    {% if execute and (builds_models() or flags.WHICH == 'seed') %} {% do forget_fingerprint() %} {% endif %}
    {% if execute and builds_models() %}
        {% if flags.FULL_REFRESH %}
            {% do log(
                'The model registry stays: --full-refresh does not drop it, dbt run-operation drop_registry '
                ~ 'does.', info=true
            ) %}
        {% endif %}
        {% for schema, name, needed in [
            ('monitoring', 'monitoring_agreement', 'structural_matches'),
            ('monitoring', 'monitoring_noise', 'half_agreement_low'),
            ('champion', 'champion_causes', 'agreement_given_back_low'),
            ('champion', 'champion_decisions', 'evaluation_date'),
            ('champion', 'champion_profiles', 'champion_period'),
            ('champion', 'champion_identities', 'champion_period'),
            ('champion', 'champion_changes', 'champion_period'),
            ('champion', 'champion_transitions', 'champion_period'),
        ] %}
            {% set relation = table_named(layer_schema(schema), name) %}
            {% set columns = column_names_of(relation) %}
            {% if columns and needed not in columns %}
                {% do run_query('drop table ' ~ relation) %}
                {% do adapter.cache_dropped(relation) %}
                {% do log(
                    name ~ ' in the warehouse was made by another version of the project and is '
                    ~ 'computed anew.', info=true
                ) %}
            {% endif %}
        {% endfor %}
        {# Decisions are not made anew: under another policy they would be others. #}
        {% set decisions = table_named(layer_schema('champion'), 'champion_decisions') %}
        {% set columns = column_names_of(decisions) %}
        {% if columns and 'previous_scaling_model_id' not in columns %}
            {% do run_query('alter table ' ~ decisions ~ ' add column previous_scaling_model_id string') %}
        {% endif %}
    {% endif %}
{% endmacro %}


{#
    What `make build` writes down of the project that has built the warehouse (scripts/build.py): this run may build
    with other settings.
#}
{% macro forget_fingerprint() %} {% do adapter.dispatch('forget_fingerprint')() %} {% endmacro %}
{% macro default__forget_fingerprint() %}
    {% do run_query('drop table if exists ' ~ layer_schema('raw') ~ '.build_fingerprint') %}
{% endmacro %}
{% macro spark__forget_fingerprint() %} {% endmacro %}


{#
    Drops the registry, in the backup too, so that the next build fits all models, decides and numbers the segments
    anew (segmentation_dbt/erasure.py). The comparison of candidates and the list of erased customers stay.

        dbt run-operation drop_registry
#}
{% macro drop_registry() %}
    {% if execute %}
        {% set tables = [] %}
        {% for relation in registry_relations() %}
            {% do tables.append([relation.schema, relation.identifier]) %}
        {% endfor %}
        {# Without the var `labels` they are none of its models. #}
        {% for schema, name in [
            ('training', 'training_label_dates'),
            ('training', 'training_labels'),
            ('monitoring', 'monitoring_label_overlaps'),
        ] %}
            {% do tables.append([layer_schema(schema), name]) %}
        {% endfor %}
        {% do log(call_python('drop_registry', {'tables': tables}), info=true) %}
        {% do run_query('checkpoint') %}
    {% endif %}
{% endmacro %}
