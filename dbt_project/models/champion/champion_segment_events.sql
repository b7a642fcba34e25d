with

segments as (

    select * from {{ ref('champion_segments') }}

),

handovers as (

    select * from {{ ref('champion_handovers') }}

),

matches as (

    select * from {{ ref('champion_matches') }}

),

flows as (

    -- Customers of the old and the new segment, by the reign of the new one.
    select
        handovers.reign,
        before.segment_id as previous_segment_id,
        before.segment_name as previous_segment_name,
        before.bands as previous_bands,
        after.segment_id,
        after.segment_name,
        after.bands,
        handovers.customers as shared_customers,
        handovers.centroid_distance,
        sum(handovers.customers) over (
            partition by handovers.reign, before.segment_id
        ) as previous_customers,
        sum(handovers.customers) over (
            partition by handovers.reign, after.segment_id
        ) as customers
    from handovers
    inner join segments as before
        on
            handovers.reign = before.reign + 1
            and handovers.previous_cluster = before.cluster
    inner join segments as after
        on
            handovers.reign = after.reign
            and handovers.cluster = after.cluster

),

weighed as (

    select
        *,
        shared_customers / nullif(customers, 0) as share_of_new,
        shared_customers / nullif(previous_customers, 0) as share_of_old,
        shared_customers / nullif(customers + previous_customers - shared_customers, 0) as jaccard,
        row_number() over (
            partition by reign, segment_id
            order by shared_customers desc, centroid_distance asc, previous_segment_id asc
        ) as rank_in_new,
        row_number() over (
            partition by reign, previous_segment_id
            order by shared_customers desc, centroid_distance asc, segment_id asc
        ) as rank_in_old,
        bool_or(segment_id = previous_segment_id) over (partition by reign, segment_id)
            as is_carried_on,
        bool_or(segment_id = previous_segment_id) over (partition by reign, previous_segment_id)
            as was_carried_on
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

)

select
    events.reign,
    events.event,
    case when events.event in ('merged', 'retired') then events.previous_segment_id else events.segment_id end
        as segment_id,
    case when events.event in ('merged', 'retired') then events.previous_segment_name else events.segment_name end
        as segment_name,
    case when events.event in ('merged', 'retired') then events.segment_id else events.previous_segment_id end
        as other_segment_id,
    case when events.event in ('merged', 'retired') then events.segment_name else events.previous_segment_name end
        as other_segment_name,
    events.previous_customers,
    events.customers,
    events.shared_customers,
    events.jaccard,
    events.centroid_distance,
    case events.event
        when 'carried on'
            then
                'Segment ' || events.segment_id || ' goes on as "' || events.segment_name || '": '
        when 'renamed'
            then
                'Segment ' || events.segment_id || ' goes on, but was "' || events.previous_segment_name
                || '" (' || events.previous_bands || ') and is now "' || events.segment_name || '" ('
                || events.bands || '): '
        when 'split'
            then
                'Segment ' || events.segment_id || ' "' || events.segment_name
                || '" is split off segment ' || events.previous_segment_id || ' "'
                || events.previous_segment_name || '": '
        when 'born'
            then
                'Segment ' || events.segment_id || ' "' || events.segment_name
                || '" is new; most of its customers come from segment '
                || events.previous_segment_id || ' "' || events.previous_segment_name || '": '
        when 'merged'
            then
                'Segment ' || events.previous_segment_id || ' "' || events.previous_segment_name
                || '" is merged into segment ' || events.segment_id || ' "' || events.segment_name
                || '": '
        else
            'Segment ' || events.previous_segment_id || ' "' || events.previous_segment_name
            || '" is retired; most of its customers go to segment ' || events.segment_id || ' "'
            || events.segment_name || '": '
    end
    || format('{:,}', cast(events.shared_customers as bigint)) || ' customers are in both, of '
    || format('{:,}', cast(events.previous_customers as bigint)) || ' before and '
    || format('{:,}', cast(events.customers as bigint)) || ' now.' as sentence
from events
order by events.reign, events.event, segment_id
