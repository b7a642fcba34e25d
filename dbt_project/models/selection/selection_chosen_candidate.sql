with

judged_candidates as (

    select * from {{ ref('selection_judged_candidates') }}

)

select
    candidate_id,
    algorithm,
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
