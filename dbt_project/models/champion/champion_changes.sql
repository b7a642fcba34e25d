{{ config(materialized='incremental', full_refresh=false) }}

with recursive

customer_features as (

    select * from {{ ref('int_customer_features') }}

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

first_step as (

    select * from steps
    order by step
    limit 1

),

last_known as (

    -- Segment 0 stands for none here, because arg_max passes over nulls.
    {% if is_incremental() -%}
        select
            customer_id,
            arg_max(segment_id, step) as segment_id
        from (select customer_id, step, coalesce(segment_id, 0) as segment_id from {{ this }})
        group by 1
    {%- else -%}
        select
            cast(null as varchar) as customer_id,
            cast(null as integer) as segment_id
        where false
    {%- endif %}

),

held as (

    -- A new champion is not bound by what the last one gave.
    select
        last_known.customer_id,
        first_step.reign,
        identities.cluster
    from last_known
    inner join first_step on not first_step.is_takeover
    inner join identities
        on
            first_step.reign = identities.reign
            and last_known.segment_id = identities.segment_id

),

to_score as (

    select
        customer_features.*,
        steps.step,
        steps.reign,
        steps.model_id
    from customer_features
    inner join steps on customer_features.cutoff = steps.review_date

),

scored as ({{ assign_clusters('to_score') }}),

judged as (

    -- Nearer than any other by the margin: where a customer was before does not matter.
    select
        *,
        squared_distance
        <= {{ (1 - hysteresis_margin()) ** 2 }} * runner_up_squared_distance as is_clear
    from scored

),

telling as (

    -- The steps at which the segment can have changed.
    select
        customer_id,
        step,
        reign,
        cluster,
        squared_distance,
        squared_distances
    from judged
    window in_reign as (partition by customer_id, reign order by step)
    qualify
        not coalesce(
            is_clear and lag(is_clear) over in_reign and cluster = lag(cluster) over in_reign, false
        )

),

numbered as materialized (

    select
        *,
        row_number() over (partition by customer_id, reign order by step) as turn
    from telling

),

{% if hysteresis_margin() > 0 -%}
    given as (

        select
            numbered.customer_id,
            numbered.step,
            numbered.reign,
            numbered.turn,
            {{ held_or_nearest('numbered', 'held.cluster') }} as cluster
        from numbered
        left join held
            on
                numbered.customer_id = held.customer_id
                and numbered.reign = held.reign
        where numbered.turn = 1
        union all
        select
            numbered.customer_id,
            numbered.step,
            numbered.reign,
            numbered.turn,
            {{ held_or_nearest('numbered', 'given.cluster') }} as cluster
        from given
        inner join numbered
            on
                given.customer_id = numbered.customer_id
                and given.reign = numbered.reign
                and given.turn + 1 = numbered.turn

    ),
{%- else -%}
    given as (

        select * from numbered

    ),
{%- endif %}

identified as (

    select
        given.customer_id,
        given.step,
        identities.segment_id
    from given
    inner join identities
        on
            given.reign = identities.reign
            and given.cluster = identities.cluster

),

left_us as (

    -- A customer whose orders have all been canceled since is known no more.
    select
        last_known.customer_id,
        first_step.step,
        0 as segment_id
    from last_known
    inner join first_step on last_known.segment_id > 0
    anti join scored
        on last_known.customer_id = scored.customer_id

),

moved as (

    select
        every.customer_id,
        every.step,
        nullif(every.segment_id, 0) as segment_id,
        nullif(
            lag(every.segment_id, 1, coalesce(last_known.segment_id, 0)) over (
                partition by every.customer_id order by every.step
            ),
            0
        ) as previous_segment_id
    from (
        select * from identified
        union all
        select * from left_us
    ) as every
    left join last_known on every.customer_id = last_known.customer_id

)

select
    moved.customer_id,
    moved.step,
    steps.review_date,
    steps.reign,
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
