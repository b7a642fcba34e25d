{#
    What might make the contract last longer: feature sets, observation windows and re-centring, beside what is in
    use. A list of mappings with `option`, `algorithm`, `features` (with their transforms), `observation_months`, `n_segments` and
    `is_recentred`.
#}
{% macro contract_options() %}
    {% set chosen = chosen_model() %}
    {% set in_use = [] %}
    {% for feature in chosen.features %}
        {% do in_use.append({'feature': feature, 'transform': chosen.transforms[feature]}) %}
    {% endfor %}
    {% set window = observation_months(var('observation_months')) %}
    {% set found = [{
        'option': 'as in use',
        'algorithm': 'kmeans',
        'features': in_use,
        'observation_months': window,
        'n_segments': chosen.n_segments,
        'is_recentred': is_recentring(),
    }] %}
    {% set sets = feature_sets_in_all_scales() %}
    {% for option, changes in mapping_var('contract_options').items() if is_fillable_option(changes) %}
        {% set features = in_use %}
        {% if 'feature_set' in changes %}
            {% set feature_set = first_fillable(changes.feature_set, fillable_feature_sets()) %}
            {% set named = sets | selectattr('name', 'eq', feature_set) | list %}
            {% set features = named[0].features %}
        {% endif %}
        {% set is_rules = changes.get('algorithm') == 'rules' %}
        {% do found.append({
            'option': option,
            'algorithm': 'rules' if is_rules else 'kmeans',
            'features': features,
            'observation_months': observation_months(changes.get('observation_months', window)),
            'n_segments': 11 if is_rules else chosen.n_segments,
            'is_recentred': changes.get('is_recentred', is_recentring()),
        }) %}
    {% endfor %}
    {{ return(found) }}
{% endmacro %}


{# Whether the source can fill what an option names; what is not declared at all is told elsewhere. #}
{% macro is_fillable_option(changes) %}
    {% set names = [changes.feature_set] if changes.feature_set is string else changes.get('feature_set') or [] %}
    {% set unfillable = names | select('in', var('feature_sets')) | reject('in', fillable_feature_sets()) | list %}
    {{ return(not names or names | length > unfillable | length) }}
{% endmacro %}


{# The observation windows of the options that are not the one in use; none for all facts. #}
{% macro contract_option_windows() %}
    {% set windows = [] %}
    {% for option in contract_options() if option.observation_months not in windows + [var('observation_months')] %}
        {% do windows.append(option.observation_months) %}
    {% endfor %}
    {{ return(windows) }}
{% endmacro %}
