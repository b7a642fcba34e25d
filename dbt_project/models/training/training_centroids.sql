with

models as (

    select * from {{ ref('training_models') }}

),

unnested as (

    select
        model_id,
        {{ elements_of('centroids') }} as centroid
    from models

)

select
    model_id,
    centroid.cluster,
    centroid.feature,
    centroid.centroid_scaled,
    centroid.centroid
from unnested
order by model_id, centroid.cluster, centroid.feature
