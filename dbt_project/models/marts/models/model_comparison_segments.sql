with

candidate_segments as (

    select * from {{ ref('selection_candidate_segments') }}

),

candidates as (

    select * from {{ ref('selection_candidates') }}

)

select
    candidate_segments.candidate_id,
    candidate_segments.segment_id,
    candidate_segments.segment_name,
    candidate_segments.customers,
    candidate_segments.share,
    candidate_segments.silhouette,
    candidate_segments.jaccard,
    {% for feature in var('feature_transforms') %}
        candidate_segments.mean_{{ feature }},
        candidate_segments.median_{{ feature }},
    {% endfor %}
    candidate_segments.largest_deviation
from candidate_segments
inner join candidates on candidate_segments.candidate_id = candidates.candidate_id
order by candidate_segments.candidate_id, candidate_segments.segment_id
