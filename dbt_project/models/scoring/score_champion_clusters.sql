{%- set naming_features = ['recency_days', 'frequency', 'monetary_value', 'review_score'] -%}

with

customer_features as (

    select * from {{ ref('int_customer_features') }}

),

model_pairs as (

    select * from {{ ref('score_model_pairs') }}

),

naming_rules as (

    select * from {{ ref('segment_naming_rules') }}

),

customers_at_fit as (

    -- At its own date a model is paired with itself.
    select
        customer_features.*,
        model_pairs.model_id
    from customer_features
    inner join model_pairs
        on
            customer_features.cutoff = model_pairs.review_date
            and model_pairs.origin_model_id = model_pairs.model_id

),

labelled as ({{ assign_clusters('customers_at_fit') }}),

feature_values as (

    {% for feature in naming_features %}
        select
            cluster,
            '{{ feature }}' as feature,
            cast({{ feature }} as double) as feature_value
        from labelled
        {{ 'union all' if not loop.last }}
    {% endfor %}

),

medians as (

    select
        cluster,
        feature,
        median(feature_value) as feature_median
    from feature_values
    group by 1, 2

),

positioned as (

    -- The share of all customers below the cluster's median, those at it counted by half.
    select
        medians.cluster,
        medians.feature,
        (
            count(*) filter (where feature_values.feature_value < medians.feature_median)
            + 0.5 * count(*) filter (where feature_values.feature_value = medians.feature_median)
        ) / count(feature_values.feature_value) as position
    from medians
    inner join feature_values on medians.feature = feature_values.feature
    -- A cluster without any known value has no position, and meets no condition on the feature.
    where medians.feature_median is not null
    group by 1, 2

),

banded as (

    select
        cluster,
        feature,
        case
            when position < {{ var('naming_low_position') }} then 'low'
            when position > {{ var('naming_high_position') }} then 'high'
            else 'middle'
        end as band
    from positioned

),

conditions as (

    {% for feature in naming_features %}
        select
            priority,
            '{{ feature }}' as feature,
            {{ feature }} as band
        from naming_rules
        where {{ feature }} is not null
        {{ 'union all' if not loop.last }}
    {% endfor %}

),

clusters as (

    select
        model_id,
        cluster,
        count(*) as customers,
        avg(monetary_value) as mean_monetary_value,
        avg(recency_days) as mean_recency_days,
        avg(frequency) as mean_frequency
    from labelled
    group by 1, 2

),

unmet as (

    select
        clusters.cluster,
        conditions.priority
    from clusters
    cross join conditions
    left join banded
        on clusters.cluster = banded.cluster and conditions.feature = banded.feature
    where banded.band is distinct from conditions.band

),

ruled as (

    select
        clusters.cluster,
        min(naming_rules.priority) as priority
    from clusters
    cross join naming_rules
    anti join unmet
        on clusters.cluster = unmet.cluster and naming_rules.priority = unmet.priority
    group by 1

),

numbered as (

    -- Segments are numbered by what they are: the highest mean spend is 1.
    select
        clusters.*,
        ruled.priority,
        row_number() over (
            order by
                clusters.mean_monetary_value desc,
                clusters.mean_recency_days asc,
                clusters.mean_frequency desc,
                clusters.customers desc
        ) as segment_id,
        row_number() over (
            partition by ruled.priority
            order by
                clusters.mean_monetary_value desc,
                clusters.mean_recency_days asc
        ) as rank_in_name,
        count(*) over (partition by ruled.priority) as segments_of_name
    from clusters
    inner join ruled on clusters.cluster = ruled.cluster

),

named as (

    select
        numbered.model_id,
        numbered.cluster,
        cast(numbered.segment_id as integer) as segment_id,
        case
            when numbered.segments_of_name = 1 then naming_rules.segment_name
            when numbered.segments_of_name = 2 and numbered.rank_in_name = 1
                then naming_rules.segment_name || ', higher spend'
            when numbered.segments_of_name = 2
                then naming_rules.segment_name || ', lower spend'
            else
                naming_rules.segment_name || ', spend rank ' || numbered.rank_in_name
                || ' of ' || numbered.segments_of_name
        end as segment_name,
        naming_rules.description,
        naming_rules.recommended_action
    from numbered
    inner join naming_rules on numbered.priority = naming_rules.priority

)

select * from named
order by segment_id
