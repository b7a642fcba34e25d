{{ config(materialized='incremental', full_refresh=false) }}

with

customer_versions as (

    select * from {{ ref('int_customer_versions') }}

),

centroids as (

    select * from {{ ref('score_model_centroids') }}

),

reigns as (

    select * from {{ ref('champion_reigns') }}
    {%- if is_incremental() %}
        where reign > (select coalesce(max(known.reign), 0) from {{ this }} as known)
    {%- endif %}

),

dates as (

    select distinct champion_from as cutoff
    from reigns

),

customer_features as ({{ features_at('dates', 'customer_versions') }}),

customers_at_start as (

    select
        customer_features.*,
        reigns.reign,
        reigns.model_id
    from customer_features
    inner join reigns on customer_features.cutoff = reigns.champion_from

),

labelled as ({{ assign_clusters('customers_at_start') }}),

occupied as (

    select
        reign,
        cluster,
        {{ naming_columns() }}
    from labelled
    group by 1, 2

),

clusters as (

    -- A model that comes back by hand can find a cluster empty.
    select distinct
        reigns.reign,
        centroids.cluster
    from reigns
    inner join centroids on reigns.model_id = centroids.model_id

),

profiled as (

    select
        clusters.reign,
        clusters.cluster,
        {{ star_except(['reign', 'cluster', 'customers'], 'occupied') }},  -- noqa: RF02
        coalesce(occupied.customers, 0) as customers
    from clusters
    left join occupied
        on clusters.reign = occupied.reign and clusters.cluster = occupied.cluster

),

positioned as ({{ median_positions('profiled', 'labelled', population='reign') }})

select * from positioned  -- noqa: AM04
order by reign, cluster
