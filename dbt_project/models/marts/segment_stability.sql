with

comparisons as (

    select * from {{ ref('compare_models') }}

),

model_pairs as (

    select * from {{ ref('score_model_pairs') }}

),

reigns as (

    select * from {{ ref('champion_reigns') }}

)

select
    comparisons.origin_model_id,
    comparisons.model_id,
    model_pairs.review_date,
    cast(model_pairs.weeks as double) as weeks,
    comparisons.customers,
    comparisons.adjusted_rand_index,
    comparisons.adjusted_mutual_information,
    comparisons.variation_of_information,
    comparisons.matched_agreement,
    comparisons.excess_inertia,
    reigns.reign is not null as is_origin_champion
from comparisons
inner join model_pairs
    on
        comparisons.origin_model_id = model_pairs.origin_model_id
        and comparisons.model_id = model_pairs.model_id
left join reigns on comparisons.origin_model_id = reigns.model_id and reigns.is_current
order by comparisons.origin_model_id, model_pairs.review_date
