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

    select * from {{ ref('monitoring_clauses') }} as judged
    where clause = 'segment' and {{ is_reading_in_use('judged') }}

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
    window
        pair as (partition by matches.origin_model_id, matches.model_id, matches.is_recentred)

),

shifts as (

    -- How far the refit moves the centroid, in the scaled units that the origin is read in.
    select
        matches.origin_model_id,
        matches.model_id,
        matches.is_recentred,
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
            matches.scaling_model_id = parameters.model_id
            and centroids.feature = parameters.feature
    group by 1, 2, 3, 4

),

measured as (

    select
        shared.*,
        shifts.centroid_shift
    from shared
    inner join shifts
        on
            shared.origin_model_id = shifts.origin_model_id
            and shared.model_id = shifts.model_id
            and shared.origin_cluster = shifts.origin_cluster
            and shared.is_recentred = shifts.is_recentred

),

frozen as (

    select * from measured
    where not is_recentred

),

recentred as (

    select * from measured
    where is_recentred

)

select
    frozen.origin_model_id,
    frozen.model_id,
    model_pairs.evaluation_date,
    cast(model_pairs.weeks as double) as weeks,
    frozen.origin_cluster,
    identities.segment_id,
    names.segment_name,
    frozen.jaccard,
    first_value(frozen.frozen_share) over (
        partition by frozen.origin_model_id, frozen.origin_cluster
        order by model_pairs.evaluation_date
    ) as share_then,
    frozen.frozen_share as share_now,
    frozen.refitted_share as share_now_refitted,
    frozen.centroid_shift,
    recentred.jaccard as structural_jaccard,
    recentred.centroid_shift as structural_centroid_shift,
    clauses.noise_agreement,
    clauses.noise_floor,
    clauses.is_assessable,
    clauses.is_broken
from frozen
inner join model_pairs
    on
        frozen.origin_model_id = model_pairs.origin_model_id
        and frozen.model_id = model_pairs.model_id
left join identities
    on
        frozen.origin_model_id = identities.model_id
        and frozen.origin_cluster = identities.cluster
left join names on identities.segment_id = names.segment_id
inner join recentred
    on
        frozen.origin_model_id = recentred.origin_model_id
        and frozen.model_id = recentred.model_id
        and frozen.origin_cluster = recentred.origin_cluster
left join clauses
    on
        frozen.origin_model_id = clauses.origin_model_id
        and frozen.model_id = clauses.model_id
        and frozen.origin_cluster = clauses.origin_cluster
order by frozen.origin_model_id, model_pairs.evaluation_date, frozen.origin_cluster
