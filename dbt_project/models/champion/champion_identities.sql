{{ config(materialized='incremental', full_refresh=false) }}

with recursive

profiles as (

    select * from {{ ref('champion_profiles') }}
    {%- if is_incremental() %}
        where champion_period > (select coalesce(max(known.champion_period), 0) from {{ this }} as known)
    {%- endif %}

),

matches as (

    select * from {{ ref('champion_matches') }}
    where jaccard >= {{ least_shared() }}

),

continued as (

    select
        matches.champion_period,
        matches.cluster,
        matches.previous_cluster
    from matches
    inner join profiles
        on matches.champion_period = profiles.champion_period and matches.cluster = profiles.cluster

),

born as (

    -- Numbered by what they are: the highest mean spend comes first.
    select
        profiles.champion_period,
        profiles.cluster,
        cast(
            {% if is_incremental() -%}
                (select coalesce(max(known.segment_id), 0) from {{ this }} as known) +
            {%- endif %}
            row_number() over (
                order by
                    profiles.champion_period asc,
                    profiles.mean_monetary_value desc,
                    profiles.mean_recency_days asc,
                    profiles.mean_frequency desc,
                    profiles.customers desc,
                    profiles.cluster asc
            ) as integer
        ) as segment_id
    from profiles
    anti join continued
        on
            profiles.champion_period = continued.champion_period
            and profiles.cluster = continued.cluster

),

identified as (

    {% if is_incremental() -%}
        select
            champion_period,
            cluster,
            cast(null as integer) as previous_cluster,
            segment_id
        from {{ this }}
        where champion_period = (select max(known.champion_period) from {{ this }} as known)
        union all
    {% endif -%}
    select
        champion_period,
        cluster,
        cast(null as integer) as previous_cluster,
        segment_id
    from born
    union all
    select
        continued.champion_period,
        continued.cluster,
        continued.previous_cluster,
        identified.segment_id
    from identified
    inner join continued
        on
            identified.champion_period + 1 = continued.champion_period
            and identified.cluster = continued.previous_cluster

)

select
    identified.champion_period,
    identified.cluster,
    identified.previous_cluster,
    identified.segment_id
from identified
inner join profiles
    on
        identified.champion_period = profiles.champion_period
        and identified.cluster = profiles.cluster
order by identified.champion_period, identified.segment_id
