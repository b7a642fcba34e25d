{%- set features = chosen_model().features -%}

with

customer_features as (

    select * from {{ ref('int_customer_features') }}

),

model_pairs as (

    select * from {{ ref('score_model_pairs') }}

),

to_score_by_origin as (

    select
        customer_features.*,
        model_pairs.origin_model_id as model_id,
        model_pairs.model_id as refitted_model_id
    from customer_features
    inner join model_pairs on customer_features.cutoff = model_pairs.review_date

),

scored_by_origin as ({{ assign_clusters('to_score_by_origin') }}),

to_score_by_refit as (

    select
        {{ features | join(', ') }},
        model_id as origin_model_id,
        refitted_model_id as model_id,
        cluster as origin_cluster
    from scored_by_origin

),

scored_by_refit as ({{ assign_clusters('to_score_by_refit') }}),

cross_tabulated as (

    -- Decimals, because a sum of doubles depends on the order in which threads add.
    select
        origin_model_id,
        model_id,
        origin_cluster,
        cluster,
        count(*) as customers,
        {% for feature in features %}
            cast(sum(cast({{ feature }}_scaled as decimal(18, 9))) as double)
                as {{ feature }}_scaled_sum,
        {% endfor %}
        cast(
            sum(
                {% for feature in features %}
                    cast({{ feature }}_scaled * {{ feature }}_scaled as decimal(18, 9))
                    {{- ' +' if not loop.last }}
                {% endfor %}
            ) as double
        ) as scaled_sum_of_squares
    from scored_by_refit
    group by 1, 2, 3, 4

)

select * from cross_tabulated
order by origin_model_id, model_id, origin_cluster, cluster
