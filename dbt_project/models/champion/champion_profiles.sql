{{ config(materialized='incremental', full_refresh=false, on_schema_change='append_new_columns') }}

with

customer_versions as (

    select * from {{ ref('int_customer_versions') }}

),

centroids as (

    select * from {{ ref('training_centroids') }}

),

champion_periods as (

    select * from {{ ref('champion_takeovers') }}
    {%- if is_incremental() %}
        where champion_period > (select coalesce(max(known.champion_period), 0) from {{ this }} as known)
    {%- endif %}

),

reorder_times as (

    select * from {{ ref('int_reorder_times') }}

),

dates as (

    select distinct champion_from as cutoff
    from champion_periods

),

customer_features as ({{ features_at('dates', 'customer_versions') }}),

customers_at_start as (

    select
        customer_features.*,
        champion_periods.champion_period,
        champion_periods.model_id
    from customer_features
    inner join champion_periods on customer_features.cutoff = champion_periods.champion_from

),

labelled as ({{ assign_clusters('customers_at_start') }}),

occupied as (

    -- Means of decimals, because a sum of doubles depends on the order in which threads add.
    select
        champion_period,
        cluster,
        {% for feature in naming_features() %}
            {{ mean_of_decimals(feature) }} as mean_{{ feature }},
            median(cast({{ feature }} as double)) as median_{{ feature }},
        {% endfor %}
        count(*) as customers
    from labelled
    group by 1, 2

),

clusters as (

    -- A model that comes back by hand can find a cluster empty.
    select distinct
        champion_periods.champion_period,
        centroids.cluster,
        reorder_times.reorder_days
    from champion_periods
    inner join centroids on champion_periods.model_id = centroids.model_id
    left join reorder_times on champion_periods.champion_from = reorder_times.cutoff

),

profiled as (

    select
        clusters.champion_period,
        clusters.cluster,
        clusters.reorder_days,
        {{ star_except(['champion_period', 'cluster', 'customers'], 'occupied') }},  -- noqa: RF02
        coalesce(occupied.customers, 0) as customers
    from clusters
    left join occupied
        on
            clusters.champion_period = occupied.champion_period
            and clusters.cluster = occupied.cluster

),

positioned as ({{ median_positions('profiled', 'labelled', population='champion_period') }})

select * from positioned  -- noqa: AM04
order by champion_period, cluster
