{# A segment's median is "low" or "high" against all customers outside of these positions, 0 to 1. #}
{% macro low_position() %} {{ return(0.35) }} {% endmacro %}
{% macro high_position() %} {{ return(0.65) }} {% endmacro %}


{#
    The position of each median of a cluster among the customers: the share of them below it, those at it
    counted by half, as `position_<feature>` beside the columns of `clusters`.

    `clusters` is a relation with `cluster` and `median_<feature>` of the features that the naming rules speak
    of, `customers` one with these features; a row of one belongs to the rows of the other with the same
    value in the column `population`.
#}
{% macro median_positions(clusters, customers, population) %}
    {%- set features = naming_features() -%}
    with

    feature_values as (

        {% for feature in features %}
            select
                {{ population }} as population,
                '{{ feature }}' as feature,
                cast({{ feature }} as double) as feature_value,
                count(*) as customers
            from {{ customers }}
            where {{ feature }} is not null
            group by 1, 2, 3
            {{ 'union all' if not loop.last }}
        {% endfor %}

    ),

    distinct_medians as (

        {% for feature in features %}
            select distinct
                {{ population }} as population,
                '{{ feature }}' as feature,
                median_{{ feature }} as feature_median
            from {{ clusters }}
            where median_{{ feature }} is not null
            {{ 'union all' if not loop.last }}
        {% endfor %}

    ),

    positioned as (

        select
            distinct_medians.population,
            distinct_medians.feature,
            distinct_medians.feature_median,
            sum(
                case
                    when feature_values.feature_value < distinct_medians.feature_median
                        then feature_values.customers
                    when feature_values.feature_value = distinct_medians.feature_median
                        then 5e-1 * feature_values.customers
                    else 0
                end
            ) / sum(feature_values.customers) as position
        from distinct_medians
        inner join feature_values
            on
                distinct_medians.population = feature_values.population
                and distinct_medians.feature = feature_values.feature
        group by 1, 2, 3

    )

    select
        clusters.*
        {%- for feature in features %},
            position_of_{{ feature }}.position as position_{{ feature }}
        {%- endfor %}
    from {{ clusters }} as clusters
    {%- for feature in features %}
        left join positioned as position_of_{{ feature }}
            on
                clusters.{{ population }} = position_of_{{ feature }}.population
                and clusters.median_{{ feature }} = position_of_{{ feature }}.feature_median
                and position_of_{{ feature }}.feature = '{{ feature }}'
    {%- endfor %}
{% endmacro %}


{#
    Numbers and names the clusters of one or more labelings by what their customers are.

    `clusters` is a relation with `labeling_id`, `cluster`, `customers`, `mean_<feature>` of monetary_value,
    recency_days and frequency, and `position_<feature>` as `median_positions` gives them. The query has
    `labeling_id`, `cluster`, `number` (1 has the highest mean spend), `rule_name`, the unique
    `segment_name`, `bands`, `description` and `recommended_action`.

    A median is low or high by its position among all customers; a cluster gets the first rule of
    `segment_naming_rules` that its medians meet.
#}
{% macro name_clusters(clusters) %}
    {%- set features = naming_features() -%}
    with

    banded as (

        {% for feature in features %}
            select
                labeling_id,
                cluster,
                '{{ feature }}' as feature,
                case
                    when position_{{ feature }} < {{ low_position() }} then 'low'
                    when position_{{ feature }} > {{ high_position() }} then 'high'
                    else 'middle'
                end as band
            from {{ clusters }}
            -- A cluster without any known value meets no condition on the feature.
            where position_{{ feature }} is not null
            {{ 'union all' if not loop.last }}
        {% endfor %}

    ),

    described as (

        select
            labeling_id,
            cluster,
            {{ texts_in_order(
                "case when band != 'middle' then band || ' ' || feature end", ', ', 'feature'
            ) }} as bands
        from banded
        group by 1, 2

    ),

    conditions as (

        {% for feature in features %}
            select
                priority,
                '{{ feature }}' as feature,
                {{ feature }} as band
            from {{ ref('segment_naming_rules') }}
            where {{ feature }} is not null
            {{ 'union all' if not loop.last }}
        {% endfor %}

    ),

    unmet as (

        select
            clusters.labeling_id,
            clusters.cluster,
            conditions.priority
        from {{ clusters }} as clusters
        cross join conditions
        left join banded
            on
                clusters.labeling_id = banded.labeling_id
                and clusters.cluster = banded.cluster
                and conditions.feature = banded.feature
        where banded.band is distinct from conditions.band

    ),

    ruled as (

        select
            clusters.labeling_id,
            clusters.cluster,
            min(naming_rules.priority) as priority
        from {{ clusters }} as clusters
        cross join {{ ref('segment_naming_rules') }} as naming_rules
        anti join unmet
            on
                clusters.labeling_id = unmet.labeling_id
                and clusters.cluster = unmet.cluster
                and naming_rules.priority = unmet.priority
        group by 1, 2

    ),

    numbered as (

        -- Segments are numbered by what they are: the highest mean spend is 1.
        select
            clusters.labeling_id,
            clusters.cluster,
            ruled.priority,
            row_number() over (
                partition by clusters.labeling_id
                order by
                    clusters.mean_monetary_value desc,
                    clusters.mean_recency_days asc,
                    clusters.mean_frequency desc,
                    clusters.customers desc,
                    clusters.cluster asc
            ) as number,
            row_number() over (
                partition by clusters.labeling_id, ruled.priority
                order by
                    clusters.mean_monetary_value desc,
                    clusters.mean_recency_days asc,
                    clusters.cluster asc
            ) as rank_in_name,
            count(*) over (
                partition by clusters.labeling_id, ruled.priority
            ) as segments_of_name
        from {{ clusters }} as clusters
        inner join ruled
            on
                clusters.labeling_id = ruled.labeling_id
                and clusters.cluster = ruled.cluster

    )

    select
        numbered.labeling_id,
        numbered.cluster,
        cast(numbered.number as integer) as number,
        naming_rules.segment_name as rule_name,
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
        coalesce(described.bands, 'nothing far from the middle') as bands,
        naming_rules.description,
        naming_rules.recommended_action
    from numbered
    left join described
        on
            numbered.labeling_id = described.labeling_id
            and numbered.cluster = described.cluster
    inner join {{ ref('segment_naming_rules') }} as naming_rules
        on numbered.priority = naming_rules.priority
{% endmacro %}


{# The features that the naming rules set conditions on. #}
{% macro naming_features() %}
    {{ return(['recency_days', 'frequency', 'monetary_value', 'review_score']) }}
{% endmacro %}


{# Those of them that the source tells. #}
{% macro known_naming_features() %}
    {{ return(naming_features() | reject('in', adapter_macro('missing_features')()) | list) }}
{% endmacro %}
