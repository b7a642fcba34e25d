{#
    At the start of a run: every var is of the type and within the limits that SQL is written for. Numbers and
    names of features stand in SQL as they are, so nothing else may reach it; texts are quoted where they stand.
    What vars mean together is checked where they are read (candidates, maintenance_clauses).
#}
{% macro validate_vars() %}
    {% if execute %}
        {% for name, allowed in allowed_vars().items() %}
            {% do stop_unless_allowed(name, var(name), allowed) %}
        {% endfor %}
        {% set settings = {
            'n_segments': {'type': 'whole', 'from': 0, 'to': 1000},
            'min_samples': {'type': 'whole', 'from': 1, 'to': 1000000},
            'eps_quantile': {'type': 'number', 'from': 0, 'to': 1},
        } %}
        {% for algorithm, grid in var('candidate_algorithms').items() %}
            {% set name = 'candidate_algorithms, ' ~ algorithm %}
            {% do stop_unless_allowed(
                'candidate_algorithms', algorithm, {'type': 'choice', 'of': ['kmeans', 'ward', 'dbscan']}
            ) %}
            {% do stop_unless_allowed(name, grid, {'type': 'mapping'}) %}
            {% for setting, values in grid.items() %}
                {% do stop_unless_allowed(name, setting, {'type': 'choice', 'of': settings.keys() | list}) %}
                {% do stop_unless_allowed(name ~ ', ' ~ setting, values, {'type': 'list', 'of': settings[setting]}) %}
            {% endfor %}
        {% endfor %}
        {% for name, features in var('feature_sets').items() %}
            {% do stop_unless_allowed('feature_sets', name, {'type': 'name'}) %}
            {% do stop_unless_allowed(
                'feature_sets, ' ~ name, features, {'type': 'list', 'of': {'type': 'column'}}
            ) %}
        {% endfor %}
        {% for name in ['feature_transforms', 'relative_feature_transforms'] %}
            {% for feature, transform in var(name).items() %}
                {% do stop_unless_allowed(name, feature, {'type': 'column'}) %}
                {% do stop_unless_allowed(
                    name ~ ', ' ~ feature, transform, {'type': 'choice', 'of': ['identity', 'log1p']}
                ) %}
            {% endfor %}
        {% endfor %}
        {% set changes_of_options = {
            'feature_set': {'type': 'names'},
            'observation_months': {'type': 'whole', 'from': 1, 'to': 10000, 'or_null': true},
        } %}
        {% for option, changes in var('contract_options').items() %}
            {% set name = 'contract_options, ' ~ option %}
            {% do stop_unless_allowed(name, changes, {'type': 'mapping'}) %}
            {% for change, value in changes.items() %}
                {% do stop_unless_allowed(
                    name, change, {'type': 'choice', 'of': changes_of_options.keys() | list}
                ) %}
                {% do stop_unless_allowed(name ~ ', ' ~ change, value, changes_of_options[change]) %}
            {% endfor %}
        {% endfor %}
        {% for name, column in var('transaction_columns').items() %}
            {% do stop_unless_allowed('transaction_columns', name, {'type': 'column'}) %}
            {% do stop_unless_allowed(
                'transaction_columns, ' ~ name, column, {'type': 'text', 'or_null': true}
            ) %}
        {% endfor %}
        {% set formats = {'delimiter': 'character', 'decimal_separator': 'character', 'timestamp_format': 'text'} %}
        {% for name, value in var('csv_format').items() %}
            {% do stop_unless_allowed('csv_format', name, {'type': 'choice', 'of': formats.keys() | list}) %}
            {% do stop_unless_allowed('csv_format, ' ~ name, value, {'type': formats[name], 'or_null': true}) %}
        {% endfor %}
        {% do stop_unless_allowed(
            'choice_score_weights', var('choice_score_weights').values() | list,
            {'type': 'list', 'of': {'type': 'number', 'from': -1000000, 'to': 1000000}}
        ) %}
        {% do score_weights() %}
        {% do maintenance_clauses() %}
    {% endif %}
{% endmacro %}


{# What each var may be; null only with `or_null`. #}
{% macro allowed_vars() %}
    {% set share = {'type': 'number', 'from': 0, 'to': 1} %}
    {% set count = {'type': 'whole', 'from': 1, 'to': 1000000000} %}
    {% set count_or_none = {'type': 'whole', 'from': 0, 'to': 1000000000} %}
    {% set weeks = {'type': 'whole', 'from': 1, 'to': 10000} %}
    {% set width = {'type': 'number', 'from': 0.000001, 'to': 1000} %}
    {{ return({
        'source': {'type': 'choice', 'of': source_adapters()},
        'transaction_columns': {'type': 'mapping'},
        'csv_format': {'type': 'mapping'},
        'currency': {'type': 'text'},
        'max_unreadable_lines': count_or_none,
        'earliest_time': {'type': 'date'},
        'latest_time': {'type': 'date'},
        'uncounted_order_statuses': {'type': 'list', 'of': {'type': 'text'}},
        'observation_months': {'type': 'whole', 'from': 1, 'to': 10000, 'or_null': true},
        'review_answer_lag_days': {'type': 'whole', 'from': 0, 'to': 10000},
        'as_of': {'type': 'date', 'or_null': true},
        'first_evaluation_date': {'type': 'date'},
        'evaluation_interval_weeks': weeks,
        'max_evaluation_dates': count,
        'feature_transforms': {'type': 'mapping'},
        'relative_feature_transforms': {'type': 'mapping'},
        'feature_sets': {'type': 'mapping'},
        'candidate_feature_sets': {'type': 'list', 'of': {'type': 'name'}},
        'candidate_scales': {'type': 'list', 'of': {'type': 'name'}},
        'candidate_algorithms': {'type': 'mapping'},
        'default_candidate': {'type': 'names'},
        'pinned_candidate': {'type': 'name', 'or_null': true},
        'cap_quantiles': {'type': 'list', 'of': share},
        'max_exact_customers': count_or_none,
        'bin_width': width,
        'n_init': count,
        'n_init_beside_warm_start': count,
        'random_state': {'type': 'whole', 'from': 0, 'to': 2147483647},
        'silhouette_sample_size': {'type': 'whole', 'from': 1, 'to': 1000000000, 'or_null': true},
        'comparison_date': {'type': 'choice', 'of': ['first_evaluation_date', 'as_of']},
        'comparison_max_customers': count,
        'comparison_sample_size': count,
        'comparison_resamples': count_or_none,
        'comparison_seeds': count_or_none,
        'choice_min_segments': count,
        'choice_max_segments': count,
        'choice_min_share': share,
        'choice_max_noise_share': share,
        'choice_min_agreement': {'type': 'number', 'from': -1, 'to': 1},
        'choice_min_jaccard': share,
        'choice_score_weights': {'type': 'mapping'},
        'choice_score_tolerance': share,
        'choice_distinct_margin': {'type': 'number', 'from': 0, 'to': 1000},
        'choice_natural_silhouette': {'type': 'number', 'from': -1, 'to': 1},
        'refit_policy': {'type': 'choice', 'of': ['never', 'on_breach', 'every', 'manual']},
        'refit_every_weeks': weeks,
        'schedule_every_weeks': {'type': 'list', 'of': weeks},
        'identity_min_jaccard': share,
        'hysteresis_margin': {'type': 'number', 'from': 0, 'to': 0.999999},
        'map_sample_size': count_or_none,
        'naming_low_position': share,
        'naming_high_position': share,
        'maintenance_clauses': {'type': 'mapping'},
        'noise_bin_width': width,
        'noise_seeds': {'type': 'whole', 'from': 2, 'to': 1000000000},
        'noise_resamples': {'type': 'whole', 'from': 2, 'to': 1000000000},
        'schedule_probability': {'type': 'number', 'from': 0.000001, 'to': 0.999999},
        'contract_options': {'type': 'mapping'},
        'contract_options_sample_size': count,
        'survival_confidence': share,
        'survival_resamples': count,
    }) }}
{% endmacro %}


{% macro stop_unless_allowed(name, value, allowed) %}
    {% if not (value is none and allowed.or_null) and not is_allowed(value, allowed) %}
        {% do exceptions.raise_compiler_error(
            name ~ ' is ' ~ (value | string | replace('\n', ' ') | truncate(60)) ~ '; it must be '
            ~ described_type(allowed) ~ '. Check it under vars in dbt_project.yml, or in --vars.'
        ) %}
    {% endif %}
{% endmacro %}


{% macro is_allowed(value, allowed) %}
    {% set patterns = {
        'name': '[A-Za-z0-9._-]+',
        'names': '[A-Za-z0-9._-]+',
        'column': '[a-z][a-z0-9_]*',
        'date': '[0-9]{4}-[0-9]{2}-[0-9]{2}( [0-9]{2}:[0-9]{2}(:[0-9]{2})?)?',
    } %}
    {% if allowed.type == 'list' %}
        {% if value is string or value is mapping or value is not iterable %} {{ return(false) }} {% endif %}
        {% for element in value if not is_allowed(element, allowed.of) %} {{ return(false) }} {% endfor %}
        {{ return(true) }}
    {% elif allowed.type == 'whole' %}
        {{ return(value is integer and allowed.from <= value <= allowed.to) }}
    {% elif allowed.type == 'number' %}
        {{ return(value is number and value is not boolean and allowed.from <= value <= allowed.to) }}
    {% elif allowed.type == 'choice' %}
        {{ return(value is string and value in allowed.of) }}
    {% elif allowed.type == 'mapping' %}
        {{ return(value is mapping) }}
    {% elif allowed.type == 'text' %}
        {{ return(value is string) }}
    {% elif allowed.type == 'character' %}
        {{ return(value is string and value | length == 1) }}
    {% elif allowed.type == 'names' and value is iterable and value is not string and value is not mapping %}
        {{ return(value | length > 0 and is_allowed(value, {'type': 'list', 'of': {'type': 'name'}})) }}
    {% endif %}
    {{ return(modules.re.fullmatch(patterns[allowed.type], value | string) is not none and value is not number) }}
{% endmacro %}


{% macro described_type(allowed) %}
    {% set or_null = ', or null' if allowed.or_null else '' %}
    {% if allowed.type == 'choice' %}
        {{ return(allowed.of[:-1] | join(', ') ~ ' or ' ~ allowed.of[-1]) }}
    {% elif allowed.type == 'list' %}
        {{ return('a list, each element ' ~ described_type(allowed.of)) }}
    {% elif allowed.type in ['whole', 'number'] %}
        {{ return(
            'a ' ~ ('whole ' if allowed.type == 'whole') ~ 'number from ' ~ allowed.from ~ ' to ' ~ allowed.to ~ or_null
        ) }}
    {% endif %}
    {{ return({
        'name': 'a name of letters, digits, dots, hyphens and underscores',
        'names': 'a name of letters, digits, dots, hyphens and underscores, or a list of such names',
        'character': 'one character',
        'column': 'the name of a feature, in lower case with underscores',
        'date': 'a date such as 2018-01-01',
        'text': 'a text',
        'mapping': 'a mapping',
    }[allowed.type] ~ or_null) }}
{% endmacro %}
