with

segments as (

    select * from {{ ref('champion_segments') }}

),

cluster_overlaps as (

    select * from {{ ref('champion_cluster_overlaps') }}

),

champion_periods as (

    select * from {{ ref('champion_takeovers') }}

),

flows as (

    -- Customers of the old and the new segment, by the champion_period of the new one.
    select
        cluster_overlaps.champion_period,
        before.segment_id as previous_segment_id,
        before.segment_name as previous_segment_name,
        before.bands as previous_bands,
        after.segment_id,
        after.segment_name,
        after.bands,
        cluster_overlaps.customers as shared_customers,
        cluster_overlaps.centroid_distance,
        sum(cluster_overlaps.customers) over (
            partition by cluster_overlaps.champion_period, before.segment_id
        ) as previous_customers,
        sum(cluster_overlaps.customers) over (
            partition by cluster_overlaps.champion_period, after.segment_id
        ) as customers
    from cluster_overlaps
    inner join segments as before
        on
            cluster_overlaps.champion_period = before.champion_period + 1
            and cluster_overlaps.previous_cluster = before.cluster
    inner join segments as after
        on
            cluster_overlaps.champion_period = after.champion_period
            and cluster_overlaps.cluster = after.cluster

),

weighed as (

    select
        *,
        shared_customers / nullif(customers, 0) as share_of_new,
        shared_customers / nullif(previous_customers, 0) as share_of_old,
        shared_customers / nullif(customers + previous_customers - shared_customers, 0) as jaccard,
        row_number() over (
            partition by champion_period, segment_id
            order by shared_customers desc, centroid_distance asc, previous_segment_id asc
        ) as rank_in_new,
        row_number() over (
            partition by champion_period, previous_segment_id
            order by shared_customers desc, centroid_distance asc, segment_id asc
        ) as rank_in_old,
        bool_or(segment_id = previous_segment_id) over (partition by champion_period, segment_id)
            as is_carried_on,
        bool_or(segment_id = previous_segment_id) over (
            partition by champion_period, previous_segment_id
        ) as was_carried_on
    from flows

),

events as (

    select
        *,
        case when segment_name = previous_segment_name then 'carried on' else 'renamed' end as event
    from weighed
    where segment_id = previous_segment_id
    union all
    -- A new segment whose customers mostly come from one old segment was split off it.
    select
        *,
        case when share_of_new >= 0.5 then 'split' else 'born' end as event
    from weighed
    where not is_carried_on and rank_in_new = 1
    union all
    -- An old segment whose customers mostly go to one new segment was merged into it.
    select
        *,
        case when share_of_old >= 0.5 then 'merged' else 'retired' end as event
    from weighed
    where not was_carried_on and rank_in_old = 1

),

named as (

    select
        *,
        event in ('merged', 'retired') as is_end,
        case when is_end then previous_segment_id else segment_id end as event_segment_id,
        case when is_end then previous_segment_name else segment_name end as event_segment_name,
        case when is_end then segment_id else previous_segment_id end as other_segment_id,
        case when is_end then segment_name else previous_segment_name end as other_segment_name,
        previous_segment_id || ' "' || previous_segment_name || '"' as before,
        segment_id || ' "' || segment_name || '"' as after
    from events

),

worded as (

    select
        *,
        case event
            when 'carried on' then 'Segment ' || after || ' goes on'
            when 'renamed'
                then
                    'Segment ' || segment_id || ' goes on, but was "' || previous_segment_name
                    || '" (' || previous_bands
                    || ') and is now "' || segment_name || '" (' || bands || ')'
            when 'split' then 'Segment ' || after || ' is split off segment ' || before
            when 'born'
                then
                    'Segment ' || after || ' is new; most of its customers come from segment '
                    || before
            when 'merged' then 'Segment ' || before || ' is merged into segment ' || after
            else
                'Segment ' || before || ' is retired; most of its customers go to segment ' || after
        end
        || ': ' || printf('%,d', cast(shared_customers as bigint)) || ' customers are in both, of '
        || printf('%,d', cast(previous_customers as bigint)) || ' before and '
        || printf('%,d', cast(customers as bigint)) || ' now.' as sentence
    from named

)

select
    champion_periods.champion_from,
    champion_periods.previous_model_id,
    champion_periods.model_id,
    worded.event,
    worded.event_segment_id as segment_id,
    worded.event_segment_name as segment_name,
    worded.other_segment_id,
    worded.other_segment_name,
    cast(worded.previous_customers as bigint) as previous_customers,
    cast(worded.customers as bigint) as customers,
    worded.shared_customers,
    worded.jaccard,
    worded.centroid_distance,
    worded.sentence,
    worded.champion_period
from worded
inner join champion_periods on worded.champion_period = champion_periods.champion_period
order by worded.champion_period, worded.event_segment_id, worded.event
