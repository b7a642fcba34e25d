{{ config(materialized='view') }}

with

comparisons as (

    select * from {{ ref('monitoring_agreement') }}

),

unnested as (

    select
        origin_model_id,
        model_id,
        {{ elements_of('matches') }} as match
    from comparisons

)

select
    origin_model_id,
    model_id,
    match.origin_cluster,
    match.cluster,
    match.origin_customers,
    match.customers,
    match.jaccard
from unnested
