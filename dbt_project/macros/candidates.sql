{#
    The candidates that `vars` declare: each algorithm with each of its settings on each feature set, in
    each scale. Ids read <algorithm>-<settings>-<feature set>, with -raw for untransformed features. Rules have no
    settings in their id, and score original units.
#}
{% macro candidates() %}
    {{ return(candidates_of(candidate_feature_sets())) }}
{% endmacro %}


{# The candidates that can be named by hand: of all feature sets. #}
{% macro nameable_candidates() %}
    {{ return(candidates_of(feature_sets_in_all_scales())) }}
{% endmacro %}


{% macro candidates_of(feature_sets) %}
    {% set found = [] %}
    {% for feature_set in feature_sets %}
        {% for algorithm, grid in mapping_var('candidate_algorithms').items() %}
            {% for n_segments in grid.get('n_segments', []) %}
                {% do found.append({
                    'candidate_id': algorithm ~ '-' ~ n_segments ~ '-' ~ feature_set.name,
                    'algorithm': algorithm,
                    'feature_set': feature_set.name,
                    'features': feature_set.features,
                    'n_segments': n_segments,
                }) %}
            {% endfor %}
            {% if algorithm == 'rules' and feature_set.name == feature_set.of
                and feature_set.features | map(attribute='feature') | sort | join(' ') == features_of_rules() %}
                {% do found.append({
                    'candidate_id': 'rules-' ~ feature_set.name,
                    'algorithm': algorithm,
                    'feature_set': feature_set.name,
                    'features': feature_set.features,
                }) %}
            {% endif %}
            {% for eps_quantile in grid.get('eps_quantile', []) %}
                {% for min_samples in grid.get('min_samples', []) %}
                    {% do found.append({
                        'candidate_id':
                            [algorithm, eps_quantile, min_samples, feature_set.name] | join('-'),
                        'algorithm': algorithm,
                        'feature_set': feature_set.name,
                        'features': feature_set.features,
                        'eps_quantile': eps_quantile,
                        'min_samples': min_samples,
                    }) %}
                {% endfor %}
            {% endfor %}
        {% endfor %}
    {% endfor %}
    {{ return(found) }}
{% endmacro %}


{# What RFM by rules rests on, in alphabetical order; any other feature set has no rules. #}
{% macro features_of_rules() %} {{ return('frequency monetary_value recency_days') }} {% endmacro %}


{#
    The feature sets that candidates are made of, in each scale: those that the var `candidate_feature_sets` names,
    as far as the source can fill them; where it can fill none of these, all that it can fill.
#}
{% macro candidate_feature_sets() %}
    {% set sets = feature_sets_in_all_scales() %}
    {% set found = sets | selectattr('of', 'in', var('candidate_feature_sets')) | list %}
    {{ return(found or sets) }}
{% endmacro %}


{# The transform of every feature that a model can use. #}
{% macro all_feature_transforms() %}
    {% set transforms = dict(mapping_var('feature_transforms')) %}
    {% do transforms.update(mapping_var('relative_feature_transforms')) %}
    {{ return(transforms) }}
{% endmacro %}


{#
    Each feature set that the source can fill, in each scale: its name, what it is a scale of, and its features
    with their transforms.
#}
{% macro feature_sets_in_all_scales() %}
    {% set transforms = all_feature_transforms() %}
    {% set fillable = fillable_feature_sets() %}
    {% set found = [] %}
    {% for name, features in mapping_var('feature_sets').items() %}
        {% for scale in var('candidate_scales') if name in fillable %}
            {% set transformed = [] %}
            {% for feature in features %}
                {% do transformed.append({
                    'feature': feature,
                    'transform': transforms[feature] if scale == 'log' else 'identity',
                }) %}
            {% endfor %}
            {% do found.append({
                'name': name if scale == 'log' else name ~ '-' ~ scale,
                'of': name,
                'features': transformed,
            }) %}
        {% endfor %}
    {% endfor %}
    {{ return(found) }}
{% endmacro %}


{# A list of features with their transforms. #}
{% macro features_with_transforms(features) -%}
    {%- set structs = [] -%}
    {%- for feature in features -%}
        {%- do structs.append(struct_of({
            'feature': sql_string(feature.feature), 'transform': sql_string(feature.transform)
        })) -%}
    {%- endfor -%}
    {{ dbt.array_construct(structs) }}
{%- endmacro %}


{#
    The candidate that a var names: it must be declared, and able to score later customers. Of several the first
    one whose features the source can fill.
#}
{% macro candidate_named_by(name) %}
    {% set nameable = nameable_candidates() %}
    {% set candidate_id = first_fillable(var(name), nameable | map(attribute='candidate_id') | list) %}
    {% set named = nameable | selectattr('candidate_id', 'eq', candidate_id) | list %}
    {% if not named or 'n_segments' not in named[0] %}
        {% do exceptions.raise_compiler_error(
            name ~ ' is ' ~ candidate_id ~ ', which '
            ~ ('cannot score later customers.' if named
               else 'is no declared candidate, or one of features that the source does not tell.')
            ~ ' Take a KMeans or Ward candidate; ids read <algorithm>-<number of segments>-<feature '
            ~ 'set>, such as kmeans-4-rfm-review (candidate_algorithms and feature_sets in '
            ~ 'dbt_project.yml).'
        ) %}
    {% endif %}
    {{ return(named[0]) }}
{% endmacro %}


{#
    The candidate in use as `selection_chosen_candidate` holds it, before that is built the default one: `candidate_id`,
    `n_segments`, `features` (names) and `transforms` (by feature). What fits and compares models is
    compiled for exactly these.
#}
{% macro chosen_model() %}
    {% set relation = ref('selection_chosen_candidate') %}
    {% if execute and load_relation(relation) is not none %}
        {% set rows = run_query(
            'select candidate_id, n_segments, '
            ~ elements_joined('features', 'element.feature', ',') ~ ', '
            ~ elements_joined('features', 'element.transform', ',') ~ ' from ' ~ relation
        ).rows %}
        {% if rows %}
            {% do stop_for_too_many_segments(rows[0][0], rows[0][1] | int) %}
            {% set features = rows[0][2].split(',') %}
            {{ return({
                'candidate_id': rows[0][0],
                'n_segments': rows[0][1] | int,
                'features': features,
                'transforms': dict(zip(features, rows[0][3].split(','))),
            }) }}
        {% endif %}
    {% endif %}
    {% set candidate = candidate_named_by('default_candidate') %}
    {% do stop_for_too_many_segments(candidate.candidate_id, candidate.n_segments) %}
    {% set transforms = {} %}
    {% for feature in candidate.features %}
        {% do transforms.update({feature.feature: feature.transform}) %}
    {% endfor %}
    {{ return({
        'candidate_id': candidate.candidate_id,
        'n_segments': candidate.n_segments,
        'features': transforms.keys() | list,
        'transforms': transforms,
    }) }}
{% endmacro %}


{# Before anything is fitted: scored customers have a bit for each cluster (holding_clusters). #}
{% macro stop_for_too_many_segments(candidate_id, n_segments) %}
    {% if n_segments > 62 %}
        {% do exceptions.raise_compiler_error(
            candidate_id ~ ' cannot be used: 62 segments are the most. Pin another (var pinned_candidate), or '
            ~ 'lower choice_max_segments.'
        ) %}
    {% endif %}
{% endmacro %}


{#
    What scoring is compiled for: every feature that a model in the registry uses, and the largest number of
    clusters of one. A model leaves out the features and clusters that it has not.
#}
{% macro scored_models() %}
    {% set relation = ref('training_models') %}
    {% if execute and load_relation(relation) is not none %}
        {% set rows = run_query(
            'select max(n_segments), ' ~ texts_in_order('distinct feature', ',', 'feature') ~ ' from ('
            ~ 'select n_segments, ' ~ elements_of("split(feature_set, ', ')") ~ ' as feature from '
            ~ relation ~ ') as used'
        ).rows %}
        {% if rows[0][0] %}
            {% set features = rows[0][1].split(',') %}
            {% set known = dict(mapping_var('feature_transforms'), **mapping_var('relative_feature_transforms')) %}
            {% for feature in features if feature not in known %}
                {% do exceptions.raise_compiler_error(
                    'A model in the registry uses the feature ' ~ feature ~ ', which feature_transforms no longer '
                    ~ 'has. Bring it back, or drop the registry (make drop-registry): the next build fits all models '
                    ~ 'and numbers the segments anew.'
                ) %}
            {% endfor %}
            {{ return({'n_segments': rows[0][0] | int, 'features': features}) }}
        {% endif %}
    {% endif %}
    {{ return(chosen_model()) }}
{% endmacro %}


{# The least Jaccard index at which a segment comes back in fits on resamples. #}
{% macro least_jaccard() %} {{ return(0.75) }} {% endmacro %}
