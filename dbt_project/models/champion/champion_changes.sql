{{ config(materialized='incremental', full_refresh=false) }}

{%- set features_of_all = ref('int_customer_features') %}
{%- set relative = var('relative_feature_transforms') %}
{%- set relative_features = scored_models().features | select('in', relative) | list %}
{%- set no_cluster = scored_models().n_segments %}

with recursive

customer_versions as {{ not_materialized() }} (

    select * from {{ ref('int_customer_versions') }}

),

identities as (

    select * from {{ ref('champion_identities') }}

),

steps as (

    select * from {{ ref('champion_steps') }}
    {%- if is_incremental() %}
        where step > (select coalesce(max(known.step), 0) from {{ this }} as known)
    {%- endif %}

),

dates as (

    select distinct evaluation_date as cutoff
    from steps

),

versions_in_batch as (

    select * from customer_versions
    where {{ in_batch('customer_number') }}

),

customers as (

    select
        customer_number,
        customer_id
    from versions_in_batch
    where valid_to = {{ end_of_time() }}

),

customer_features as (

    {% if relative_features -%}
        -- How recent a customer is among all of them takes all of them.
        select * from {{ features_of_all }}
        where {{ in_batch('customer_number') }}
    {%- else -%}
        {{ features_at('dates', 'versions_in_batch') }}
    {%- endif %}

),

first_step as (

    select * from steps
    order by step
    limit 1

),

last_known as (

    -- Segment 0 stands for none here, because max_by passes over nulls.
    {% if is_incremental() -%}
        select
            customer_id,
            max_by(segment_id, step) as segment_id
        from (select customer_id, step, coalesce(segment_id, 0) as segment_id from {{ this }})
        group by 1
    {%- else -%}
        select
            cast(null as string) as customer_id,
            cast(null as integer) as segment_id
        where false
    {%- endif %}

),

to_score as (

    select
        customer_features.*,
        steps.step,
        steps.champion_period,
        steps.model_id
    from customer_features
    inner join steps on customer_features.cutoff = steps.evaluation_date

),

scored as ({{ assign_clusters('to_score') }}),

{% if var('observation_months') -%}
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

    absent as (

        -- Each first step at which a customer has no order within the observation window any more.
        select
            present.customer_number,
            steps.step,
            steps.champion_period
        from present
        inner join steps on present.step + 1 = steps.step
        where present.next_step is distinct from present.step + 1

    ),
{%- endif %}

slim as (

    -- What follows sorts these rows, so they are narrow. Clear is what no cluster holds: nearer
    -- than any other by the margin, so that where a customer was before does not matter.
    select
        customer_number,
        cast(step as smallint) as step,
        cast(champion_period as smallint) as champion_period,
        cast(cluster as tinyint) as cluster,
        {% if scored_models().n_segments < 16 -%}
            cast(holding_clusters as smallint) as holding_clusters,
        {%- else -%}
            holding_clusters,
        {%- endif %}
        holding_clusters = 0 as is_clear
    from scored
    {%- if var('observation_months') %}
        union all
        select
            customer_number,
            cast(step as smallint) as step,
            cast(champion_period as smallint) as champion_period,
            cast({{ no_cluster }} as tinyint) as cluster,
            0 as holding_clusters,
            true as is_clear
        from absent
    {%- endif %}

),

telling as {{ materialized() }} (

    -- The steps at which the segment can have changed.
    select
        *,
        lag(step) over in_champion_period as previous_step,
        lag(case when is_clear then cluster end) over in_champion_period as clear_cluster_before
    from slim
    window in_champion_period as (partition by customer_number, champion_period order by step)
    qualify not (is_clear and coalesce(clear_cluster_before = cluster, false))

),

carried as (

    -- Whom the first step finds again. The others are known no more, most without a number by now.
    select
        customers.customer_number,
        last_known.customer_id,
        last_known.segment_id
    from telling
    inner join first_step on telling.step = first_step.step
    inner join customers on telling.customer_number = customers.customer_number
    inner join last_known on customers.customer_id = last_known.customer_id

),

held as (

    -- A new champion is not bound by what the last one gave.
    select
        carried.customer_number,
        first_step.step,
        identities.cluster
    from carried
    inner join first_step on not first_step.is_takeover
    inner join identities
        on
            first_step.champion_period = identities.champion_period
            and carried.segment_id = identities.segment_id

),

unclear as {{ materialized() }} (

    select * from telling
    where not is_clear

),

given as ({{ clusters_given('unclear', 'held') }}),

decided as (

    select
        customer_number,
        step,
        champion_period,
        cluster
    from telling
    where is_clear
    union all
    select * from given

),

identified as (

    select
        decided.customer_number,
        decided.step,
        coalesce(identities.segment_id, 0) as segment_id,
        lag(coalesce(identities.segment_id, 0)) over (
            partition by decided.customer_number order by decided.step
        ) as segment_before
    from decided
    left join identities
        on
            decided.champion_period = identities.champion_period
            and decided.cluster = identities.cluster

),

known_no_more as (

    -- All of their orders have been canceled since, or lie before the observation window.
    select
        last_known.customer_id,
        last_known.segment_id
    from last_known
    left join customer_versions
        on
            last_known.customer_id = customer_versions.customer_id
            and customer_versions.valid_to = {{ end_of_time() }}
    anti join carried
        on last_known.customer_id = carried.customer_id
    where {{ in_batch('coalesce(customer_versions.customer_number, 0)') }}

),

moved as (

    select
        customers.customer_id,
        identified.step,
        nullif(identified.segment_id, 0) as segment_id,
        nullif(coalesce(identified.segment_before, carried.segment_id), 0) as previous_segment_id
    from identified
    inner join customers on identified.customer_number = customers.customer_number
    left join carried on identified.customer_number = carried.customer_number
    where identified.segment_id is distinct from identified.segment_before
    union all
    select
        known_no_more.customer_id,
        first_step.step,
        cast(null as integer) as segment_id,
        known_no_more.segment_id as previous_segment_id
    from known_no_more
    inner join first_step on known_no_more.segment_id > 0

)

select
    moved.customer_id,
    steps.step,
    steps.evaluation_date,
    steps.champion_period,
    moved.segment_id,
    moved.previous_segment_id,
    case
        when moved.segment_id is null then 'exit'
        when moved.previous_segment_id is null then 'entry'
        when steps.is_takeover then 'relabelling'
        else 'migration'
    end as movement
from moved
inner join steps on moved.step = steps.step
where moved.segment_id is distinct from moved.previous_segment_id
order by moved.step, moved.customer_id
