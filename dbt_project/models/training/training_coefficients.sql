with

parameters as (

    select * from {{ ref('training_parameters') }}

),

centroids as (

    select * from {{ ref('training_centroids') }}

),

{{ side_by_side('parameters', 'centroids') }}
