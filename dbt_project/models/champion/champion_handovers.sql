{{ config(materialized='incremental', full_refresh=false) }}

{%- set features = scored_models().features %}

with

customer_versions as (

    select * from {{ ref('int_customer_versions') }}

),

centroids as (

    select * from {{ ref('score_model_centroids') }}

),

parameters as (

    select * from {{ ref('score_model_parameters') }}

),

reigns as (

    select * from {{ ref('champion_reigns') }}
    {%- if is_incremental() %}
        where reign > (select coalesce(max(known.reign), 0) from {{ this }} as known)
    {%- endif %}

),

handovers as (

    select * from reigns
    where previous_model_id is not null

),

dates as (

    select distinct champion_from as cutoff
    from handovers

),

customer_features as ({{ features_at('dates', 'customer_versions') }}),

to_previous as (

    select
        customer_features.*,
        handovers.reign,
        handovers.model_id as next_model_id,
        handovers.previous_model_id as model_id
    from customer_features
    -- All of them are customers at a handover; why not an inner join, says assign_clusters.
    left join handovers on customer_features.cutoff = handovers.champion_from

),

by_previous as ({{ assign_clusters('to_previous') }}),

to_next as (

    select
        {{ features | join(', ') }},
        monetary_value as revenue,
        reign,
        cluster as previous_cluster,
        next_model_id as model_id
    from by_previous

),

by_next as ({{ assign_clusters('to_next') }}),

shared as (

    select
        reign,
        previous_cluster,
        cluster,
        count(*) as customers,
        sum(revenue) as revenue
    from by_next
    group by 1, 2, 3

),

distances as (

    -- In the scaled units of the next champion, by the features that both use.
    select
        handovers.reign,
        previous_centroids.cluster as previous_cluster,
        centroids.cluster,
        sqrt(
            {% call in_order_of_features() %}
                power(
                    (
                        case
                            when parameters.transform = 'log1p'
                                then ln(1 + previous_centroids.centroid)
                            else previous_centroids.centroid
                        end
                        - parameters.mean
                    ) / parameters.scale
                    - centroids.centroid_scaled,
                    2
                )
            {% endcall %}
        ) as centroid_distance
    from handovers
    inner join centroids as previous_centroids
        on handovers.previous_model_id = previous_centroids.model_id
    inner join centroids
        on
            handovers.model_id = centroids.model_id
            and previous_centroids.feature = centroids.feature
    inner join parameters
        on
            handovers.model_id = parameters.model_id
            and centroids.feature = parameters.feature
    group by 1, 2, 3

)

select
    distances.reign,
    distances.previous_cluster,
    distances.cluster,
    coalesce(shared.customers, 0) as customers,
    cast(coalesce(shared.revenue, 0) as decimal(18, 2)) as revenue,
    distances.centroid_distance
from distances
left join shared
    on
        distances.reign = shared.reign
        and distances.previous_cluster = shared.previous_cluster
        and distances.cluster = shared.cluster
order by distances.reign, distances.previous_cluster, distances.cluster
