{{ config(materialized='view') }}

with

comparisons as (

    select * from {{ ref('monitoring_agreement') }}

)

select
    origin_model_id,
    model_id,
    false as is_recentred,
    adjusted_rand_index,
    revenue,
    misplaced_revenue
from comparisons
union all
-- Where a transform has changed since, the origin keeps its own scaling.
select
    origin_model_id,
    model_id,
    true as is_recentred,
    coalesce(structural_agreement, adjusted_rand_index) as adjusted_rand_index,
    revenue,
    coalesce(structural_misplaced_revenue, misplaced_revenue) as misplaced_revenue
from comparisons
