{{ config(materialized='incremental', full_refresh=false) }}

with recursive

profiles as (

    select * from {{ ref('champion_profiles') }}
    {%- if is_incremental() %}
        where reign > (select coalesce(max(known.reign), 0) from {{ this }} as known)
    {%- endif %}

),

matches as (

    select * from {{ ref('champion_matches') }}
    where jaccard >= {{ var('identity_min_jaccard') }}

),

continued as (

    select
        matches.reign,
        matches.cluster,
        matches.previous_cluster
    from matches
    inner join profiles
        on matches.reign = profiles.reign and matches.cluster = profiles.cluster

),

born as (

    -- Numbered by what they are: the highest mean spend comes first.
    select
        profiles.reign,
        profiles.cluster,
        cast(
            {% if is_incremental() -%}
                (select coalesce(max(known.segment_id), 0) from {{ this }} as known) +
            {%- endif %}
            row_number() over (
                order by
                    profiles.reign asc,
                    profiles.mean_monetary_value desc,
                    profiles.mean_recency_days asc,
                    profiles.mean_frequency desc,
                    profiles.customers desc,
                    profiles.cluster asc
            ) as integer
        ) as segment_id
    from profiles
    anti join continued
        on profiles.reign = continued.reign and profiles.cluster = continued.cluster

),

identified as (

    {% if is_incremental() -%}
        select
            reign,
            cluster,
            cast(null as integer) as previous_cluster,
            segment_id
        from {{ this }}
        where reign = (select max(known.reign) from {{ this }} as known)
        union all
    {% endif -%}
    select
        reign,
        cluster,
        cast(null as integer) as previous_cluster,
        segment_id
    from born
    union all
    select
        continued.reign,
        continued.cluster,
        continued.previous_cluster,
        identified.segment_id
    from identified
    inner join continued
        on
            identified.reign + 1 = continued.reign
            and identified.cluster = continued.previous_cluster

)

select
    identified.reign,
    identified.cluster,
    identified.previous_cluster,
    identified.segment_id
from identified
inner join profiles
    on identified.reign = profiles.reign and identified.cluster = profiles.cluster
order by identified.reign, identified.segment_id
