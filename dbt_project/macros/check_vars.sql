{# At the start of a run: every var is of the kind, and within the limits, that SQL is written for. #}
{% macro check_vars() %}
    {% if execute %}
        {# In another project the command line names vars of that project too. #}
        {% set is_root = project_name == 'customer_segmentation' %}
        {% do call_python('check_vars', {
            'given': user_vars(),
            'named': invocation_args_dict.get('vars', {}).keys() | list if is_root else [],
            'naming_features': naming_features(),
            'engine': target.type,
            'audience_columns': column_types_of('customer_segments'),
            'compares': builds_models() and is_comparing(),
        }) %}
        {% if builds_models() %}
            {% do check_same_vars() %}
            {% do stop_on_models_of_another_kind() %}
        {% endif %}
    {% endif %}
{% endmacro %}


{# Whether candidates, or options for the contract, are compared in this run. #}
{% macro is_comparing() %}
    {% for unique_id in selected_resources if is_comparison(unique_id) and graph.nodes[unique_id].config.meta.is_asked %}
        {{ return(true) }}
    {% endfor %}
    {{ return(false) }}
{% endmacro %}


{# The types that the contract of a mart promises, by column. #}
{% macro column_types_of(mart) %}
    {% set types = {} %}
    {% for column in graph.nodes['model.customer_segmentation.' ~ mart].columns.values() %}
        {% do types.update({column.name: column.data_type}) %}
    {% endfor %}
    {{ return(types) }}
{% endmacro %}


{# Vars that models compute with while dbt parses them, before anything else is checked. #}
{% macro mapping_var(name) %} {{ return(var_of_kind(name, var(name) is mapping, 'a mapping')) }} {% endmacro %}
{% macro number_var(name) %} {{ return(var_of_kind(name, var(name) is number, 'a number')) }} {% endmacro %}


{% macro var_of_kind(name, is_of_kind, kind) %}
    {% if not is_of_kind %}
        {% do exceptions.raise_compiler_error(
            name ~ ' is ' ~ var(name) ~ '; it must be ' ~ kind ~ '. Check it under vars in dbt_project.yml, or in '
            ~ '--vars.'
        ) %}
    {% endif %}
    {{ return(var(name)) }}
{% endmacro %}


{# A run of some models must not read others that were built with other vars. #}
{% macro check_same_vars() %}
    {% set found = namespace(reads_others=false) %}
    {% for unique_id in selected_resources if unique_id.startswith('model.') %}
        {% for parent in graph.nodes[unique_id].depends_on.nodes
            if parent.startswith('model.') and parent not in selected_resources and not is_comparison(parent) %}
            {% set found.reads_others = true %}
        {% endfor %}
    {% endfor %}
    {% do call_python('check_same_vars', {
        'given': user_vars(),
        'schema': layer_schema('raw'),
        'reads_others': found.reads_others,
    }) %}
{% endmacro %}


{# At the end of a run that has built all models: later runs of some may have these vars. #}
{% macro note_vars() %}
    {% if execute and builds_models() %}
        {% set built = [] %}
        {% for result in results if result.status == 'success' %} {% do built.append(result.node.unique_id) %} {% endfor %}
        {% for unique_id, node in graph.nodes.items() if node.resource_type == 'model'
            and node.package_name == 'customer_segmentation'
            and unique_id not in built and not is_comparison(unique_id) %}
            {{ return('') }}
        {% endfor %}
        {% do call_python('note_vars', {'given': user_vars(), 'schema': layer_schema('raw')}) %}
    {% endif %}
{% endmacro %}


{# The comparisons keep the settings that they were made with, and say when these are others. #}
{% macro is_comparison(unique_id) %}
    {{ return(unique_id.split('.')[-1] in ['selection_fitted_candidates', 'monitoring_contract_options']) }}
{% endmacro %}


{# The vars of a user with their values; Python knows what each may be (segmentation_dbt/settings.py). #}
{% macro user_vars() %}
    {% set found = {} %}
    {% for name in [
        'source', 'transaction_columns', 'orders', 'columns', 'order_lines', 'reviews', 'deliveries', 'labels', 'csv_format', 'time_zone', 'amount_divisor', 'amount_decimals',
        'round_amounts', 'returns', 'normalize_customer_id', 'no_customer_values', 'currency', 'locale',
        'max_unreadable_lines',
        'max_loss', 'loss_severity',
        'uncounted_order_statuses', 'observation_months', 'as_of', 'first_evaluation_date',
        'evaluation_interval_weeks', 'feature_transforms', 'relative_feature_transforms', 'feature_sets', 'candidate_feature_sets', 'candidate_scales', 'candidate_algorithms',
        'default_candidate', 'pinned_candidate', 'max_exact_customers', 'comparison_date',
        'comparison_max_customers', 'comparison_resamples', 'compare_candidates', 'choice_max_noise_share', 'choice_score_tolerance',
        'schedule_every_weeks',
        'choice_min_segments', 'choice_max_segments', 'choice_min_share', 'choice_score_weights',
        'refit_policy', 'refit_every_weeks', 'hysteresis_margin', 'max_champion_weeks', 'live_order_share', 'maintenance_clauses',
        'schedule_probability', 'contract_options', 'audiences',
        'campaigns',
    ] %}
        {# YAML reads a date without quotes as a date, which JSON does not know. #}
        {% set is_date = name in ['as_of', 'first_evaluation_date'] and var(name) is not number %}
        {% do found.update({name: var(name) | string if is_date and var(name) is not none else var(name)}) %}
    {% endfor %}
    {% do found.update({'campaigns': campaigns_var()}) %}
    {{ return(found) }}
{% endmacro %}
