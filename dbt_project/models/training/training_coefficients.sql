with

parameters as (

    select * from {{ ref('training_parameters') }}

),

centroids as (

    select * from {{ ref('training_centroids') }}

),

parameters_side_by_side as (

    select
        model_id,
        {{ parameter_columns() }}
    from parameters
    group by 1

),

centroids_side_by_side as (

    select
        model_id,
        {{ centroid_columns() }}
    from centroids
    group by 1

)

select
    parameters_side_by_side.*,
    {{ star_except(['model_id'], 'centroids_side_by_side') }}  -- noqa: RF02
from parameters_side_by_side
inner join centroids_side_by_side
    on parameters_side_by_side.model_id = centroids_side_by_side.model_id
