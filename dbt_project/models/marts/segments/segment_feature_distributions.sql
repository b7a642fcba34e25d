{%- set features = scored_models().features %}
{%- set percents = ['05', '25', '50', '75', '95'] %}
{%- set positions = [0.05, 0.25, 0.5, 0.75, 0.95] -%}

with

customer_segments as (

    select * from {{ ref('customer_segments') }}

),

parameters as (

    select * from {{ ref('segment_model_parameters') }}

),

-- Scaling does not depend on the segment, so it is done on the features as published.
scored as ({{ scale_features('customer_segments', scaling='scaling_model_id') }}),

unpivoted as (

    {% for feature in features %}
        select
            segment_id,
            model_id,
            '{{ feature }}' as feature,
            cast({{ feature }} as double) as original,
            {{ feature }}_scaled as scaled
        from scored
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

aggregated as (

    -- Means of decimals, because a sum of doubles depends on the order in which threads add.
    select
        segment_id,
        feature,
        count(*) as customers,
        count(original) as known_customers,
        {{ mean_of_decimals('original') }} as mean,
        min(original) as min,
        {{ quantiles('original', positions) }} as quantiles,
        max(original) as max,
        {{ mean_of_decimals('scaled') }} as mean_scaled,
        min(scaled) as min_scaled,
        {{ quantiles('scaled', positions) }} as quantiles_scaled,
        max(scaled) as max_scaled
    from used
    group by 1, 2

)

select
    segment_id,
    feature,
    customers,
    known_customers,
    mean,
    min,
    {% for percent in percents %}
        {{ element_at_position('quantiles', loop.index0) }} as p{{ percent }},
    {% endfor %}
    max,
    mean_scaled,
    min_scaled,
    {% for percent in percents %}
        {{ element_at_position('quantiles_scaled', loop.index0) }} as p{{ percent }}_scaled,
    {% endfor %}
    max_scaled
from aggregated
order by segment_id, feature
