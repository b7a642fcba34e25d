with

labelings as (

    select * from {{ ref('compare_labelings') }}

),

model_pairs as (

    select * from {{ ref('score_model_pairs') }}

)

select
    labelings.origin_model_id,
    labelings.model_id,
    model_pairs.review_date,
    cast(model_pairs.weeks as double) as weeks,
    labelings.customers,
    labelings.adjusted_rand_index,
    labelings.adjusted_mutual_information,
    labelings.variation_of_information,
    labelings.matched_agreement,
    labelings.excess_inertia
from labelings
inner join model_pairs
    on
        labelings.origin_model_id = model_pairs.origin_model_id
        and labelings.model_id = model_pairs.model_id
order by labelings.origin_model_id, model_pairs.review_date
