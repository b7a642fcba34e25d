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

{% if has_labels() -%}
    given_names as (

        select
            model_id,
            cluster,
            label
        from {{ ref('training_labels') }}
        where not is_repeat

    ),
{%- endif %}

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
    {{ 'given_names.label' if has_labels() else 'named.segment_name' }} as segment_name,
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
{% if has_labels() -%}
    inner join given_names
        on
            champion_periods.model_id = given_names.model_id
            and named.cluster = given_names.cluster
{%- endif %}
order by champion_periods.champion_period, identities.segment_id
