with

customer_segments as (

    select * from {{ ref('customer_segments') }}

),

-- Scaling does not depend on the segment, so it is done on the features as published.
scored as ({{ assign_clusters('customer_segments') }}),

unpivoted as (

    {% for feature in var('feature_set') %}
        select
            segment_id,
            '{{ feature }}' as feature,
            cast({{ feature }} as double) as original,
            {{ feature }}_scaled as scaled
        from scored
        {{ 'union all' if not loop.last }}
    {% endfor %}

),

aggregated as (

    -- Means of decimals, because a sum of doubles depends on the order in which threads add.
    select
        segment_id,
        feature,
        count(*) as customers,
        count(original) as known_customers,
        {% for units, suffix in [('original', ''), ('scaled', '_scaled')] %}
            avg(cast({{ units }} as decimal(18, 6))) as mean{{ suffix }},
            min({{ units }}) as min{{ suffix }},
            {% for percentile in [5, 25, 50, 75, 95] %}
                quantile_cont({{ units }}, {{ percentile / 100 }})
                    as p{{ '%02d' % percentile }}{{ suffix }},
            {% endfor %}
            max({{ units }}) as max{{ suffix }}{{ ',' if not loop.last }}
        {% endfor %}
    from unpivoted
    group by 1, 2

)

select * from aggregated
order by segment_id, feature
