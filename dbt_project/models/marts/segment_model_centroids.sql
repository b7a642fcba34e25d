with

centroids as (

    select * from {{ ref('score_model_centroids') }}

),

matches as (

    select * from {{ ref('compare_clusters') }}

),

champion_clusters as (

    select * from {{ ref('score_champion_clusters') }}

),

durable as (

    -- A cluster of any model carries the id of the champion's segment that it continues.
    select
        matches.model_id,
        matches.cluster,
        champion_clusters.segment_id
    from matches
    inner join champion_clusters
        on
            matches.origin_model_id = champion_clusters.model_id
            and matches.origin_cluster = champion_clusters.cluster

)

select
    centroids.model_id,
    centroids.cluster,
    centroids.feature,
    durable.segment_id,
    centroids.centroid_scaled,
    centroids.centroid
from centroids
left join durable
    on centroids.model_id = durable.model_id and centroids.cluster = durable.cluster
order by centroids.model_id, centroids.cluster, centroids.feature
