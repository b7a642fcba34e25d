with

customer_versions as {{ not_materialized() }} (

    select * from {{ ref('int_customer_versions') }}

),

cutoffs as (

    select * from {{ ref('int_cutoffs') }}
    where is_as_of

),

champion_segments as (

    select * from {{ ref('champion_segments') }}
    where is_current

),

steps as (

    select * from {{ ref('champion_steps') }}

),

newest_step as (

    select max(evaluation_date) as evaluation_date from steps

),

current_intervals as (

    select * from {{ ref('champion_validity_intervals') }}
    where valid_to is null

),

published as (

    -- What was published last: campaign tools have seen it.
    {% set relation = load_relation(this) if execute else none -%}
    {% if relation is not none -%}
        select
            customer_id,
            segment_id,
            previous_segment_id,
            segment_changed_at,
            as_of
        from {{ relation }}
    {%- else -%}
        select
            cast(null as string) as customer_id,
            cast(null as integer) as segment_id,
            cast(null as integer) as previous_segment_id,
            cast(null as timestamp) as segment_changed_at,
            cast(null as timestamp) as as_of
        where false
    {%- endif %}

),

-- Looked up twice, for ranks and for the rows: so nobody is held in memory.
known as {{ not_materialized() }} (
    {{ known_customers(
        'cutoffs', 'customer_versions', observation_months(var('observation_months'))
    ) }}
),

-- The ranks of days, of which there are few, are those of customers.
days as (

    select
        cutoff,
        recency_days,
        count(*) as customers
    from known
    group by 1, 2

),

ranked_days as (

    select
        cutoff,
        recency_days,
        {{ relative_recencies_of_days() }}
    from days

),

customer_features as (

    select
        known.*,
        ranked_days.recency_rank,
        ranked_days.recency_share
    from known
    inner join ranked_days
        on known.cutoff = ranked_days.cutoff and known.recency_days = ranked_days.recency_days

),

customers_as_of as (

    select
        *,
        (select any_value(champion_segments.model_id) from champion_segments) as model_id,
        (select max_by(steps.scaling_model_id, steps.step) from steps) as scaling_model_id
    from customer_features

),

scored as ({{ assign_clusters('customers_as_of', scaling='scaling_model_id') }}),

given as (

    select
        scored.*,
        current_intervals.segment_id as evaluated_segment_id,
        current_intervals.previous_segment_id as previous_evaluated_segment_id,
        current_intervals.valid_from,
        {{ held_or_nearest('scored', 'held.cluster') }} as given_cluster
    from scored
    left join current_intervals on scored.customer_id = current_intervals.customer_id
    left join champion_segments as held on current_intervals.segment_id = held.segment_id

),

identified as (

    select
        given.*,
        segments.segment_id,
        segments.segment_name,
        {% if has_labels() -%}
            -- Nobody knows how near a label is.
            cast(null as integer) as nearest_segment_id,
        {%- else -%}
            nearest.segment_id as nearest_segment_id,
        {%- endif %}
        runners_up.segment_id as runner_up_segment_id,
        -- Since when, by the evaluation dates and this state.
        case
            when segments.segment_id = given.evaluated_segment_id then given.valid_from
            else given.cutoff
        end as evaluated_since,
        case
            when segments.segment_id = given.evaluated_segment_id
                then given.previous_evaluated_segment_id
            else given.evaluated_segment_id
        end as segment_before
    from given
    inner join champion_segments as segments on given.given_cluster = segments.cluster
    inner join champion_segments as nearest on given.cluster = nearest.cluster
    {{ 'left' if has_labels() else 'inner' }} join champion_segments as runners_up
        on given.runner_up_cluster = runners_up.cluster

),

dated as (

    -- Between two evaluations a customer can go and come back. Who was published in another segment
    -- has changed now, and who was published in this one keeps the date, so that whoever asks for
    -- the rows that changed since the last time misses none. Who is elsewhere than at the newest
    -- evaluation has changed since then, whatever was published before it.
    select
        identified.*,
        case
            when published.customer_id is null
                then 'evaluation'
            when
                identified.segment_id = identified.evaluated_segment_id
                and identified.valid_from > published.as_of
                then 'evaluation'
            when
                published.segment_id = identified.segment_id
                and (
                    identified.segment_id = identified.evaluated_segment_id
                    or published.segment_changed_at > newest_step.evaluation_date
                )
                then 'published'
            else 'now'
        end as dated_by,
        published.segment_id as published_segment_id,
        published.previous_segment_id as published_previous_segment_id,
        published.segment_changed_at as published_changed_at
    from identified
    cross join newest_step
    left join published
        on
            identified.customer_id = published.customer_id
            and identified.cutoff >= published.as_of

)

select
    customer_id,
    segment_id,
    segment_name,
    case dated_by
        when 'evaluation' then segment_before
        when 'published' then published_previous_segment_id
        when 'now' then
            case
                when published_segment_id = segment_id then evaluated_segment_id
                else published_segment_id
            end
    end as previous_segment_id,
    case dated_by
        when 'evaluation' then evaluated_since
        when 'published' then published_changed_at
        else cutoff
    end as segment_changed_at,
    -- 0 half-way to the nearest other segment, 1 on the centroid; 0 where another one is nearer.
    case
        when given_cluster != cluster or runner_up_squared_distance = 0 then 0.0
        else 1 - sqrt(squared_distance / runner_up_squared_distance)
    end as confidence,
    case when given_cluster = cluster then runner_up_segment_id else nearest_segment_id end
        as runner_up_segment_id,
    nearest_segment_id,
    given_cluster != cluster as is_held,
    recency_days,
    frequency,
    monetary_value,
    review_score,
    review_score is null as is_review_score_imputed,
    basket_size,
    delivery_days,
    recency_rank,
    recency_share,
    model_id,
    scaling_model_id,
    cutoff as as_of
from dated
order by customer_id
