{#- Customers that are placed. -#}
{%- set sample_size = 1500 -%}

{%- set features = scored_models().features -%}

with

customer_segments as (

    select * from {{ ref('customer_segments') }}

),

axes as (

    select * from {{ ref('champion_axes') }}

),

drawn as (

    -- By a hash: the same customers each time, whatever the order of rows.
    select
        *,
        {{ sha256_of('customer_id') }} as place
    from customer_segments
    order by place, customer_id
    limit {{ sample_size }}

),

sample as (

    select
        *,
        cast(row_number() over (order by place, customer_id) as integer) as point
    from drawn

),

scored as ({{ scale_features('sample', scaling='scaling_model_id') }}),

loadings as (

    select
        {% for feature in features %}
            {% for axis in ['x', 'y'] %}
                coalesce(
                    max(
                        case
                            when axis = {{ loop.index }} and feature = '{{ feature }}' then loading
                        end
                    ),
                    0
                ) as {{ feature }}__{{ axis }},
            {% endfor %}
        {% endfor %}
        count(*) as rows_read
    from axes

),

placed as (

    select
        {% for feature in features %}
            scored.{{ feature }}_scaled,
        {% endfor %}
        {% for axis in ['x', 'y'] %}
            {% for feature in features %}
                scored.{{ feature }}_scaled
                * loadings.{{ feature }}__{{ axis }} {{ '+' if not loop.last }}
            {% endfor %}
                as {{ axis }},
        {% endfor %}
        scored.point,
        scored.segment_id,
        scored.segment_name,
        scored.confidence
    from scored
    cross join loadings

),

distances as (

    select
        placed.point,
        placed.segment_id,
        others.segment_id as other_segment_id,
        sqrt(
            {% for feature in features %}
                {%- set difference -%}
                    (placed.{{ feature }}_scaled - others.{{ feature }}_scaled)
                {%- endset -%}
                {{ difference }} * {{ difference }} {{ '+' if not loop.last }}
            {% endfor %}
        ) as distance
    from placed
    inner join placed as others on placed.point != others.point

),

mean_distances as (

    select
        point,
        segment_id,
        other_segment_id,
        {{ mean_of_decimals('distance') }} as mean_distance
    from distances
    group by 1, 2, 3

),

nearest_two as (

    select
        point,
        max(case when segment_id = other_segment_id then mean_distance end) as within_segment,
        min(case when segment_id != other_segment_id then mean_distance end) as to_next_segment
    from mean_distances
    group by 1

)

select
    placed.point,
    placed.segment_id,
    placed.segment_name,
    placed.x,
    placed.y,
    placed.confidence,
    -- 0 by convention for the only one of a segment in the sample.
    case
        when nearest_two.within_segment is null then 0.0
        else
            coalesce(
                (nearest_two.to_next_segment - nearest_two.within_segment)
                / nullif(greatest(nearest_two.to_next_segment, nearest_two.within_segment), 0),
                0
            )
    end as silhouette
from placed
inner join nearest_two on placed.point = nearest_two.point
order by placed.point
