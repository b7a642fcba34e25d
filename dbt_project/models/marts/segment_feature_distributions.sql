{%- set features = scored_models().features -%}

with

customer_segments as (

    select * from {{ ref('customer_segments') }}

),

parameters as (

    select * from {{ ref('segment_model_parameters') }}

),

-- Scaling does not depend on the segment, so it is done on the features as published.
scored as ({{ assign_clusters('customer_segments') }}),

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
        {{ quantile('original', 0.05) }} as p05,
        {{ quantile('original', 0.25) }} as p25,
        {{ quantile('original', 0.50) }} as p50,
        {{ quantile('original', 0.75) }} as p75,
        {{ quantile('original', 0.95) }} as p95,
        max(original) as max,
        {{ mean_of_decimals('scaled') }} as mean_scaled,
        min(scaled) as min_scaled,
        {{ quantile('scaled', 0.05) }} as p05_scaled,
        {{ quantile('scaled', 0.25) }} as p25_scaled,
        {{ quantile('scaled', 0.50) }} as p50_scaled,
        {{ quantile('scaled', 0.75) }} as p75_scaled,
        {{ quantile('scaled', 0.95) }} as p95_scaled,
        max(scaled) as max_scaled
    from used
    group by 1, 2

)

select * from aggregated
order by segment_id, feature
