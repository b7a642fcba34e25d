with

customer_features as (

    select * from {{ ref('int_customer_features') }}

),

cutoffs as (

    select * from {{ ref('int_cutoffs') }}

),

clusters as (

    select * from {{ ref('score_champion_clusters') }}

),

current_spells as (

    select * from {{ ref('score_champion_spells') }}
    where valid_to is null

),

customers_as_of as (

    select
        customer_features.*,
        (select any_value(clusters.model_id) from clusters) as model_id
    from customer_features
    inner join cutoffs on customer_features.cutoff = cutoffs.cutoff
    where cutoffs.is_as_of

),

scored as ({{ assign_clusters('customers_as_of') }}),

named as (

    select
        scored.customer_id,
        segments.segment_id,
        segments.segment_name,
        current_spells.previous_segment_id,
        current_spells.valid_from as segment_changed_at,
        -- 0 half-way to the runner-up, 1 on the centroid.
        case
            when scored.runner_up_squared_distance = 0 then 0.0
            else 1 - sqrt(scored.squared_distance / scored.runner_up_squared_distance)
        end as confidence,
        runners_up.segment_id as runner_up_segment_id,
        scored.recency_days,
        scored.frequency,
        scored.monetary_value,
        scored.review_score,
        scored.review_score is null as is_review_score_imputed,
        scored.basket_size,
        scored.delivery_days,
        scored.model_id,
        scored.cutoff as as_of
    from scored
    inner join clusters as segments on scored.cluster = segments.cluster
    inner join clusters as runners_up on scored.runner_up_cluster = runners_up.cluster
    inner join current_spells on scored.customer_id = current_spells.customer_id

)

select * from named
order by customer_id
