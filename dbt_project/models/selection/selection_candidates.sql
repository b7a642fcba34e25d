{#- The declared candidates, and those named by hand. -#}
{%- set declared = candidates() -%}
{%- for name in ['default_candidate', 'pinned_candidate'] if var(name) -%}
    {%- set named = candidate_named_by(name) -%}
    {%- if named not in declared %}{% do declared.append(named) %}{% endif -%}
{%- endfor -%}
{#- Many candidates share a feature set: its text is made once. -#}
{%- set features = {} -%}
{%- for candidate in declared if candidate.feature_set not in features -%}
    {%- set text = features_with_transforms(candidate.features) -%}
    {%- do features.update({candidate.feature_set: text}) -%}
{%- endfor -%}

with

declared (
    candidate_id, algorithm, feature_set, n_segments, eps_quantile, min_samples, features
) as (

    values
    {%- for candidate in declared %}
        (
            '{{ candidate.candidate_id }}',
            '{{ candidate.algorithm }}',
            '{{ candidate.feature_set }}',
            {{ candidate.get('n_segments', 'null') }},
            {{ candidate.get('eps_quantile', 'null') }},
            {{ candidate.get('min_samples', 'null') }},
            {{ features[candidate.feature_set] }}
        ){{ ',' if not loop.last }}
    {%- endfor %}

)

select
    candidate_id,
    algorithm,
    feature_set,
    cast(n_segments as integer) as n_segments,
    cast(eps_quantile as double) as eps_quantile,
    cast(min_samples as integer) as min_samples,
    features
from declared
order by candidate_id
