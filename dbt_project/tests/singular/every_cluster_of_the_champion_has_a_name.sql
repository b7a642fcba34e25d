-- A cluster that meets no naming rule would lose its customers: end the seed segment_naming_rules
-- with a rule without conditions.
with

champions as (

    -- At its own date a model is paired with itself.
    select distinct model_id
    from {{ ref('score_model_pairs') }}
    where origin_model_id = model_id

),

clusters as (

    select distinct
        centroids.model_id,
        centroids.cluster
    from {{ ref('score_model_centroids') }} as centroids
    inner join champions on centroids.model_id = champions.model_id

)

select
    clusters.model_id,
    clusters.cluster
from clusters
anti join {{ ref('score_champion_clusters') }} as named
    on clusters.model_id = named.model_id and clusters.cluster = named.cluster
