with

judged_candidates as (

    select * from {{ ref('selection_judged_candidates') }}

)

select
    {% if has_labels() -%}
        -- What label sets are described by.
        {{ sql_string(label_candidate()) }} as candidate_id,
        'labels' as algorithm,
    {%- else -%}
        candidate_id,
        algorithm,
    {%- endif %}
    feature_set,
    n_segments,
    features_with_transforms as features,
    chosen_by,
    reason,
    compared_as_of,
    compared_at,
    is_stale,
    stale_reason
from judged_candidates
where is_chosen
