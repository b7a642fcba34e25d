with

profiles as (

    select * from {{ ref('champion_profiles') }}

),

identities as (

    select * from {{ ref('champion_identities') }}

),

champion_periods as (

    select * from {{ ref('champion_takeovers') }}

),

labelings as (

    select
        {{ star_except(['champion_period'], 'profiles') }},  -- noqa: RF02
        profiles.champion_period as labeling_id
    from profiles

),

named as ({{ name_clusters('labelings') }})

select
    champion_periods.champion_period,
    champion_periods.model_id,
    champion_periods.champion_from,
    champion_periods.champion_to,
    champion_periods.is_current,
    named.cluster,
    identities.previous_cluster,
    identities.segment_id,
    named.segment_name,
    named.rule_name,
    named.bands,
    named.description,
    named.recommended_action,
    profiles.customers
from named
inner join champion_periods on named.labeling_id = champion_periods.champion_period
inner join identities
    on named.labeling_id = identities.champion_period and named.cluster = identities.cluster
inner join profiles
    on named.labeling_id = profiles.champion_period and named.cluster = profiles.cluster
order by champion_periods.champion_period, identities.segment_id
