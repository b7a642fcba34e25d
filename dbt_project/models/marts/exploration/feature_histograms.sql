{%- set features = scored_models().features -%}
{%- set bins = 40 -%}

with

customer_segments as (

    select * from {{ ref('customer_segments') }}

),

parameters as (

    select * from {{ ref('segment_model_parameters') }}

),

scored as ({{ scale_features('customer_segments', scaling='scaling_model_id') }}),

unpivoted as (

    {% for feature in features %}
        {% for scale, column in {'original': feature, 'model': feature ~ '_scaled'}.items() %}
            select
                model_id,
                segment_id,
                '{{ feature }}' as feature,
                '{{ scale }}' as scale,
                cast({{ column }} as double) as value
            from scored
            where {{ column }} is not null
            {{ 'union all' if not loop.last }}
        {% endfor %}
        {{ 'union all' if not loop.last }}
    {% endfor %}

),

used as (

    select unpivoted.*
    from unpivoted
    semi join parameters
        on
            unpivoted.model_id = parameters.model_id
            and unpivoted.feature = parameters.feature

),

ranges as (

    -- The last bin takes the highest 0.5 % in: a few extreme values would empty the others.
    select
        feature,
        scale,
        min(value) as lowest,
        max(value) as highest,
        {{ quantile('value', 0.995) }} as upper_limit
    from used
    group by 1, 2

),

binned as (

    select
        used.feature,
        used.scale,
        used.segment_id,
        ranges.lowest,
        ranges.highest,
        (ranges.upper_limit - ranges.lowest) / {{ bins }} as width,
        case
            when ranges.upper_limit > ranges.lowest
                then
                    cast(
                        least(
                            floor(
                                (used.value - ranges.lowest)
                                / (ranges.upper_limit - ranges.lowest) * {{ bins }}
                            ),
                            {{ bins - 1 }}
                        ) as integer
                    )
            else 0
        end as bin
    from used
    inner join ranges on used.feature = ranges.feature and used.scale = ranges.scale

)

select
    feature,
    scale,
    segment_id,
    bin,
    lowest + bin * width as lower_edge,
    lowest + (bin + 1) * width as upper_edge,
    max(highest) as highest,
    count(*) as customers
from binned
group by feature, scale, segment_id, bin, lowest, width
order by feature, scale, segment_id, bin
