with

matches as (

    select * from {{ ref('monitoring_cluster_matches') }}

),

model_pairs as (

    select * from {{ ref('monitoring_model_pairs') }}

),

identities as (

    select * from {{ ref('champion_cluster_identities') }}

),

segments as (

    select * from {{ ref('champion_segments') }}

),

centroids as (

    select * from {{ ref('training_centroids') }}

),

parameters as (

    select * from {{ ref('training_parameters') }}

),

clauses as (

    select * from {{ ref('monitoring_clauses') }}
    where clause = 'segment'

),

names as (

    select
        segment_id,
        max_by(segment_name, champion_period) as segment_name
    from segments
    group by 1

),

shared as (

    select
        matches.*,
        matches.origin_customers / sum(matches.origin_customers) over pair as frozen_share,
        matches.customers / sum(matches.customers) over pair as refitted_share
    from matches
    window pair as (partition by matches.origin_model_id, matches.model_id)

),

shifts as (

    -- How far the refit moves the centroid, in the scaled units of the origin.
    select
        matches.origin_model_id,
        matches.model_id,
        matches.origin_cluster,
        {{ centroid_distance('origin_centroids', 'centroids') }} as centroid_shift
    from matches
    inner join centroids
        on matches.model_id = centroids.model_id and matches.cluster = centroids.cluster
    inner join centroids as origin_centroids
        on
            matches.origin_model_id = origin_centroids.model_id
            and matches.origin_cluster = origin_centroids.cluster
            and centroids.feature = origin_centroids.feature
    inner join parameters
        on
            matches.origin_model_id = parameters.model_id
            and centroids.feature = parameters.feature
    group by 1, 2, 3

)

select
    shared.origin_model_id,
    shared.model_id,
    model_pairs.evaluation_date,
    cast(model_pairs.weeks as double) as weeks,
    shared.origin_cluster,
    identities.segment_id,
    names.segment_name,
    shared.jaccard,
    first_value(shared.frozen_share) over (
        partition by shared.origin_model_id, shared.origin_cluster
        order by model_pairs.evaluation_date
    ) as share_then,
    shared.frozen_share as share_now,
    shared.refitted_share as share_now_refitted,
    shifts.centroid_shift,
    clauses.noise_agreement,
    clauses.noise_floor,
    clauses.is_assessable,
    clauses.is_broken
from shared
inner join model_pairs
    on
        shared.origin_model_id = model_pairs.origin_model_id
        and shared.model_id = model_pairs.model_id
left join identities
    on
        shared.origin_model_id = identities.model_id
        and shared.origin_cluster = identities.cluster
left join names on identities.segment_id = names.segment_id
inner join shifts
    on
        shared.origin_model_id = shifts.origin_model_id
        and shared.model_id = shifts.model_id
        and shared.origin_cluster = shifts.origin_cluster
left join clauses
    on
        shared.origin_model_id = clauses.origin_model_id
        and shared.model_id = clauses.model_id
        and shared.origin_cluster = clauses.origin_cluster
order by shared.origin_model_id, model_pairs.evaluation_date, shared.origin_cluster
