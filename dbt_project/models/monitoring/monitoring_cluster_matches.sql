{{ config(materialized='view') }}

with

comparisons as (

    select * from {{ ref('monitoring_agreement') }}

),

unnested as (

    select
        origin_model_id,
        model_id,
        false as is_recentred,
        origin_model_id as scaling_model_id,
        {{ elements_of('matches') }} as match
    from comparisons
    union all
    select
        origin_model_id,
        model_id,
        true as is_recentred,
        case when structural_matches is null then origin_model_id else model_id end
            as scaling_model_id,
        {{ elements_of('coalesce(structural_matches, matches)') }} as match
    from comparisons

)

select
    origin_model_id,
    model_id,
    is_recentred,
    scaling_model_id,
    match.origin_cluster,
    match.cluster,
    match.origin_customers,
    match.customers,
    match.jaccard
from unnested
