with

profiles as (

    select * from {{ ref('champion_profiles') }}

),

identities as (

    select * from {{ ref('champion_identities') }}

),

reigns as (

    select * from {{ ref('champion_reigns') }}

),

labelings as (

    select
        {{ star_except(['reign'], 'profiles') }},  -- noqa: RF02
        profiles.reign as labeling_id
    from profiles

),

named as ({{ name_clusters('labelings') }})

select
    reigns.reign,
    reigns.model_id,
    reigns.champion_from,
    reigns.champion_to,
    reigns.is_current,
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
inner join reigns on named.labeling_id = reigns.reign
inner join identities
    on named.labeling_id = identities.reign and named.cluster = identities.cluster
inner join profiles
    on named.labeling_id = profiles.reign and named.cluster = profiles.cluster
order by reigns.reign, identities.segment_id
