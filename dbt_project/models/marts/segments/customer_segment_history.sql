with

intervals as (

    select * from {{ ref('champion_validity_intervals') }}

),

segments as (

    select * from {{ ref('champion_segments') }}

),

published as (

    -- A champion that is replaced on the evaluation date of its takeover gives nobody a name.
    select
        segment_id,
        segment_name,
        champion_from,
        dense_rank() over (order by champion_period) as champion_period
    from segments
    where champion_to is distinct from champion_from

),

named as (

    -- A segment goes on under the next champion: one row until its name or its end.
    select
        *,
        lag(segment_name) over (partition by segment_id order by champion_period) as previous_name,
        lag(champion_period) over (
            partition by segment_id order by champion_period
        ) as previous_champion_period
    from published

),

names as (

    select
        segment_id,
        segment_name,
        champion_from as named_from,
        lead(champion_from) over (partition by segment_id order by champion_period) as named_to
    from named
    where
        segment_name is distinct from previous_name
        or champion_period != previous_champion_period + 1

),

split_by_name as (

    select
        intervals.customer_id,
        intervals.segment_id,
        names.segment_name,
        intervals.previous_segment_id,
        greatest(intervals.valid_from, names.named_from) as valid_from,
        nullif(
            least(
                coalesce(intervals.valid_to, {{ end_of_time() }}),
                coalesce(names.named_to, {{ end_of_time() }})
            ),
            {{ end_of_time() }}
        ) as valid_to,
        case
            when names.named_from > intervals.valid_from then 'renaming'
            else intervals.movement
        end as movement
    from intervals
    inner join names
        on
            intervals.segment_id = names.segment_id
            and names.named_from < coalesce(intervals.valid_to, {{ end_of_time() }})
            and intervals.valid_from < coalesce(names.named_to, {{ end_of_time() }})

)

select
    customer_id,
    segment_id,
    segment_name,
    case when movement != 'renaming' then previous_segment_id end as previous_segment_id,
    movement,
    valid_from,
    valid_to,
    valid_to is null as is_current
from split_by_name
order by customer_id, valid_from
