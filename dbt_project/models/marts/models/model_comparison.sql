{%- set features = var('feature_transforms').keys() | list -%}

with

judged_candidates as (

    select * from {{ ref('selection_judged_candidates') }}

)

select
    candidate_id,
    algorithm,
    feature_set,
    features,
    n_segments,
    eps_quantile,
    min_samples,
    eps,
    customers,
    basis,
    clusters,
    business_sense,
    {% for feature in features %}
        separation_{{ feature }},
    {% endfor %}
    distinct_segments,
    distinct_names,
    balance,
    smallest_share,
    noise_share,
    silhouette,
    silhouette_standard_error,
    simplified_silhouette,
    davies_bouldin,
    calinski_harabasz,
    resamples,
    failed_resamples,
    resampling_agreement,
    resampling_agreement_p05,
    lowest_jaccard,
    stable_segments,
    seed_agreement,
    segment_nature,
    score,
    is_eligible,
    is_chosen,
    chosen_by,
    reason,
    error,
    fit_seconds,
    compared_as_of,
    compared_at,
    data_fingerprint,
    is_stale,
    stale_reason
from judged_candidates
{% if has_labels() -%}
    -- Somebody else chooses.
    where false
{%- endif %}
order by candidate_id
