with

customer_features as (

    select * from {{ ref('int_customer_features') }}

),

clusters as (

    select * from {{ ref('score_champion_clusters') }}

),

to_score as (

    select
        customer_features.*,
        (select any_value(clusters.model_id) from clusters) as model_id
    from customer_features

),

scored as ({{ assign_clusters('to_score') }}),

with_previous as (

    select
        scored.customer_id,
        scored.cutoff,
        clusters.segment_id,
        lag(clusters.segment_id) over customer_in_time as previous_segment_id
    from scored
    inner join clusters on scored.cluster = clusters.cluster
    window customer_in_time as (partition by scored.customer_id order by scored.cutoff)

),

spells as (

    select
        customer_id,
        segment_id,
        previous_segment_id,
        cutoff as valid_from,
        lead(cutoff) over (partition by customer_id order by cutoff) as valid_to
    from with_previous
    where previous_segment_id is distinct from segment_id

)

select * from spells
