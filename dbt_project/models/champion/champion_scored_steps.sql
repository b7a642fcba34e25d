{%- set no_cluster = scored_models().n_segments %}

with

customer_versions as {{ not_materialized() }} (

    select * from {{ ref('int_customer_versions') }}

),

last_known as (

    select * from {{ ref('champion_last_known_segments') }}

),

steps as (

    select * from {{ ref('champion_steps') }}
    where step > (select coalesce(max(last_known.step), 0) from last_known)

),

dates as (

    select distinct evaluation_date as cutoff
    from steps

),

customer_features as ({{ features_at('dates', 'customer_versions') }}),

to_score as (

    select
        customer_features.*,
        steps.step,
        steps.champion_period,
        steps.model_id,
        steps.scaling_model_id
    from customer_features
    inner join steps on customer_features.cutoff = steps.evaluation_date

),

scored as ({{ assign_clusters('to_score', scaling='scaling_model_id') }}),

{% if var('observation_months') and not has_labels() -%}
    present as (

        select
            customer_features.customer_number,
            steps.step,
            lead(steps.step) over (
                partition by customer_features.customer_number order by steps.step
            ) as next_step
        from customer_features
        inner join steps on customer_features.cutoff = steps.evaluation_date

    ),
{%- elif has_labels() -%}
    present as (

        select
            customer_number,
            step,
            lead(step) over (partition by customer_number order by step) as next_step
        from scored

    ),
{%- endif %}

narrowed as (

    -- What follows sorts these rows, and DuckDB brings to disk what does not fit into memory: the
    -- narrower they are, the less.
    select
        customer_number,
        cast(step as smallint) as step,
        cast(champion_period as smallint) as champion_period,
        cast(cluster as tinyint) as cluster,
        cast(holding_clusters as {{ 'smallint' if no_cluster < 16 else 'bigint' }})
            as holding_clusters,
        holding_clusters = 0 as is_clear
    from scored
    {%- if var('observation_months') or has_labels() %}
        union all
        -- Each first step at which a customer has no order within the observation window any more,
        -- or no label.
        select
            present.customer_number,
            cast(steps.step as smallint) as step,
            cast(steps.champion_period as smallint) as champion_period,
            cast({{ no_cluster }} as tinyint) as cluster,
            0 as holding_clusters,
            true as is_clear
        from present
        inner join steps on present.step + 1 = steps.step
        where present.next_step is distinct from present.step + 1
    {%- endif %}

),

followed as (

    select
        *,
        lag(step) over in_champion_period as previous_step,
        lag(case when is_clear then cluster end) over in_champion_period as clear_cluster_before
    from narrowed
    window in_champion_period as (partition by customer_number, champion_period order by step)

)

select * from followed
where not (is_clear and coalesce(clear_cluster_before = cluster, false))
