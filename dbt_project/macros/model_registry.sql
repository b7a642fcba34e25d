{#
    The model registry: the tables that only grow. Incremental models with `full_refresh: false`, and the published
    segments, whose dates of change later builds carry on.
#}
{% macro registry_relations() %}
    {% set found = [] %}
    {% if execute %}
        {% for model in graph.nodes.values()
            if model.resource_type == 'model'
            and (model.config.materialized == 'incremental' or model.name == 'customer_segments') %}
            {% do found.append(table_named(model.schema, model.name)) %}
        {% endfor %}
    {% endif %}
    {{ return(found) }}
{% endmacro %}


{# At the start of a run: tables of the registry that another version of the project has written go. #}
{% macro keep_registry() %}
    {% if execute and flags.WHICH in ('build', 'run', 'seed') %} {% do forget_evaluations() %} {% endif %}
    {% if execute and flags.WHICH in ('build', 'run') %}
        {% if flags.FULL_REFRESH %}
            {% do log(
                'The registry of models, decisions and segments is kept: --full-refresh does not drop it, '
                ~ 'dbt run-operation drop_registry does.', info=true
            ) %}
        {% endif %}
        {# What another version of the project has written differently is computed anew. #}
        {% for schema, name, needed in [
            ('training', 'training_models', 'candidate_id'),
            ('monitoring', 'monitoring_agreement', 'misplaced_revenue'),
        ] %}
            {% set relation = table_named(schema, name) %}
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
    {% endif %}
{% endmacro %}


{#
    What `make build` has written down of the tables that stand until the next evaluation (scripts/kept_tables.py): this
    run may build them with other settings.
#}
{% macro forget_evaluations() %} {% do adapter.dispatch('forget_evaluations')() %} {% endmacro %}
{% macro default__forget_evaluations() %} {% do run_query('drop table if exists raw.tables_of_evaluations') %} {% endmacro %}
{% macro spark__forget_evaluations() %} {% endmacro %}


{#
    Drops the registry and its backup, so that the next build fits all models, decides and numbers the segments anew. Comparison
    of candidates and list of erased customers stay.

        dbt run-operation drop_registry
#}
{% macro drop_registry() %}
    {% do drop_registry_of_backup() %}
    {% for relation in registry_relations() %}
        {% do run_query('drop table if exists ' ~ relation) %}
    {% endfor %}
    {% do write_to_disk() %}
    {% do log(
        'The registry is dropped: the next build fits all models and numbers the segments anew.', info=true
    ) %}
{% endmacro %}
