with

customer_features as (

    select * from {{ ref('int_customer_features') }}

),

model_pairs as (

    select * from {{ ref('score_model_pairs') }}

),

customers_at_fit as (

    -- At its own date a model is paired with itself.
    select
        customer_features.*,
        model_pairs.model_id
    from customer_features
    inner join model_pairs
        on
            customer_features.cutoff = model_pairs.review_date
            and model_pairs.origin_model_id = model_pairs.model_id

),

labelled as ({{ assign_clusters('customers_at_fit') }}),

clusters as (

    select
        model_id as labeling_id,
        cluster,
        {{ naming_columns() }}
    from labelled
    group by 1, 2

),

named as ({{ name_clusters('clusters', 'labelled') }})

select
    labeling_id as model_id,
    cluster,
    segment_id,
    segment_name,
    description,
    recommended_action
from named
order by segment_id
