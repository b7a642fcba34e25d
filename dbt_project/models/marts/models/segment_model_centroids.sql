with

centroids as (

    select * from {{ ref('training_centroids') }}

),

identities as (

    select * from {{ ref('champion_cluster_identities') }}

)

select
    centroids.model_id,
    centroids.cluster,
    centroids.feature,
    identities.segment_id,
    centroids.centroid_scaled,
    centroids.centroid
from centroids
left join identities
    on centroids.model_id = identities.model_id and centroids.cluster = identities.cluster
order by centroids.model_id, centroids.cluster, centroids.feature
