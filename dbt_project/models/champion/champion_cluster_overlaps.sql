{{ config(materialized='incremental', full_refresh=false) }}

{%- set features = scored_models().features %}

with

customer_versions as (

    select * from {{ ref('int_customer_versions') }}

),

centroids as (

    select * from {{ ref('training_centroids') }}

),

parameters as (

    select * from {{ ref('training_parameters') }}

),

champion_periods as (

    select * from {{ ref('champion_takeovers') }}
    {%- if is_incremental() %}
        where champion_period > (select coalesce(max(known.champion_period), 0) from {{ this }} as known)
    {%- endif %}

),

takeovers as (

    select * from champion_periods
    where previous_model_id is not null

),

dates as (

    select distinct champion_from as cutoff
    from takeovers

),

customer_features as ({{ features_at('dates', 'customer_versions') }}),

to_previous as (

    select
        customer_features.*,
        takeovers.champion_period,
        takeovers.model_id as next_model_id,
        takeovers.previous_model_id as model_id,
        coalesce(takeovers.previous_scaling_model_id, takeovers.previous_model_id)
            as scaling_model_id
    from customer_features
    -- All of them are customers at a takeover; why not an inner join, says assign_clusters.
    left join takeovers on customer_features.cutoff = takeovers.champion_from

),

by_previous as ({{ assign_clusters('to_previous', scaling='scaling_model_id') }}),

to_next as (

    select
        {{ features | join(', ') }},
        cutoff,
        customer_number,
        monetary_value as revenue,
        champion_period,
        cluster as previous_cluster,
        next_model_id as model_id
    from by_previous

),

by_next as ({{ assign_clusters('to_next') }}),

shared as (

    select
        champion_period,
        previous_cluster,
        cluster,
        count(*) as customers,
        sum(revenue) as revenue
    from by_next
    group by 1, 2, 3

),

previous_centroids as (

    -- In original units, where the champion was scored last.
    select
        takeovers.champion_period,
        takeovers.model_id,
        centroids.cluster,
        centroids.feature,
        case
            when takeovers.previous_scaling_model_id is null then centroids.centroid
            when parameters.transform = 'log1p'
                then exp(centroids.centroid_scaled * parameters.scale + parameters.mean) - 1
            else centroids.centroid_scaled * parameters.scale + parameters.mean
        end as centroid
    from takeovers
    inner join centroids on takeovers.previous_model_id = centroids.model_id
    left join parameters
        on
            takeovers.previous_scaling_model_id = parameters.model_id
            and centroids.feature = parameters.feature

),

distances as (

    -- In the scaled units of the next champion.
    select
        previous_centroids.champion_period,
        previous_centroids.cluster as previous_cluster,
        centroids.cluster,
        {{ centroid_distance('centroids', 'previous_centroids') }} as centroid_distance
    from previous_centroids
    inner join centroids
        on
            previous_centroids.model_id = centroids.model_id
            and previous_centroids.feature = centroids.feature
    inner join parameters
        on
            previous_centroids.model_id = parameters.model_id
            and centroids.feature = parameters.feature
    group by 1, 2, 3

)

select
    distances.champion_period,
    distances.previous_cluster,
    distances.cluster,
    coalesce(shared.customers, 0) as customers,
    cast(coalesce(shared.revenue, 0) as decimal(18, 2)) as revenue,
    distances.centroid_distance
from distances
left join shared
    on
        distances.champion_period = shared.champion_period
        and distances.previous_cluster = shared.previous_cluster
        and distances.cluster = shared.cluster
order by distances.champion_period, distances.previous_cluster, distances.cluster
