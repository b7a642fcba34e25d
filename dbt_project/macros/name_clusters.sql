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

    features as (

        {% for feature in features %}
            select '{{ feature }}' as feature
            {{ 'union all' if not loop.last }}
        {% endfor %}

    ),

    feature_values as (

        select
            {{ population }} as population,
            features.feature,
            {{ value_of_feature('customers', features) }} as feature_value,
            count(*) as customers
        from {{ customers }} as customers
        cross join features
        where {{ value_of_feature('customers', features) }} is not null
        group by 1, 2, 3

    ),

    distinct_medians as (

        select distinct
            {{ population }} as population,
            features.feature,
            {{ value_of_feature('clusters', features, 'median_') }} as feature_median
        from {{ clusters }} as clusters
        cross join features
        where {{ value_of_feature('clusters', features, 'median_') }} is not null

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


{# The value of the feature that a row of `features` names, in the columns of a relation with this prefix. #}
{% macro value_of_feature(relation, features, prefix='') -%}
    case features.feature
        {%- for feature in features %}
            when '{{ feature }}' then cast({{ relation }}.{{ prefix }}{{ feature }} as double)
        {%- endfor %}
    end
{%- endmacro %}


{#
    Numbers and names the clusters of one or more labelings by what their customers are.

    `clusters` is a relation with `labeling_id`, `cluster`, `customers`, `reorder_days`, `mean_<feature>` of
    monetary_value, recency_days and frequency, `median_<feature>`, and `position_<feature>` as
    `median_positions` gives them. The query has `labeling_id`, `cluster`, `number` (1 has the highest mean
    spend), `rule_name`, the unique `segment_name`, `bands`, `description` and `recommended_action`.

    A median is low or high by its position among all customers; a cluster gets the first rule of
    `segment_naming_rules` that its medians meet. Clusters of one rule are distinguished by the first
    feature that parts each from the next.
#}
{% macro name_clusters(clusters) %}
    {%- set features = naming_features() -%}
    {%- set is_absent = 'median_recency_days > coalesce(2 * reorder_days, 90)' -%}
    {# Scores have a meaning of their own, and a customer whose next order is not due yet has not lapsed. #}
    {%- set needed_of_low = {'review_score': 'median_review_score <= 3'} -%}
    {%- set needed_of_high = {'review_score': 'median_review_score >= 4', 'recency_days': is_absent} -%}
    with

    banded_side_by_side as (

        -- A cluster without any known value meets no condition on the feature.
        select
            labeling_id,
            cluster,
            {% for feature in features %}
                case
                    when position_{{ feature }} is null then null
                    when position_{{ feature }} < {{ low_position() }}
                        and {{ needed_of_low.get(feature, 'true') }} then 'low'
                    when position_{{ feature }} > {{ high_position() }}
                        and {{ needed_of_high.get(feature, 'true') }} then 'high'
                    else 'middle'
                end as {{ feature }},
            {% endfor %}
            case when median_frequency < 2 then 'one' when median_frequency >= 2 then 'more' end
                as orders,
            case
                when median_recency_days is null then null
                when {{ is_absent }} then 'long'
                else 'short'
            end as absence
        from {{ clusters }}

    ),

    conditioned as (

        {% for feature in features + ['orders', 'absence'] %}
            select '{{ feature }}' as feature
            {{ 'union all' if not loop.last }}
        {% endfor %}

    ),

    banded as (

        select
            sides.labeling_id,
            sides.cluster,
            conditioned.feature,
            case conditioned.feature
                {%- for feature in features + ['orders', 'absence'] %}
                    when '{{ feature }}' then sides.{{ feature }}
                {%- endfor %}
            end as band
        from banded_side_by_side as sides
        cross join conditioned

    ),

    described as (

        select
            labeling_id,
            cluster,
            {{ texts_in_order(
                "case when band in ('low', 'high') then band || ' ' || feature end", ', ', 'feature'
            ) }} as bands
        from banded
        group by 1, 2

    ),

    conditions as (

        {% for feature in features + ['orders', 'absence'] %}
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
            clusters.*,
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
            count(*) over (
                partition by clusters.labeling_id, ruled.priority
            ) as segments_of_name
        from {{ clusters }} as clusters
        inner join ruled
            on
                clusters.labeling_id = ruled.labeling_id
                and clusters.cluster = ruled.cluster

    ),

    distinguishing as (

        {% for feature, (words, first, last) in words_of_features().items() %}
            select
                {{ loop.index }} as preference,
                '{{ words }}' as words,
                '{{ first }}' as first_words,
                '{{ last }}' as last_words
            union all
        {% endfor %}
        select
            99 as preference,
            'group' as words,
            'group 1' as first_words,
            'group 2' as last_words

    ),

    ordered as (

        -- Clusters of one rule by each feature, the most valuable first, and by number.
        select
            numbered.*,
            distinguishing.*,
            case distinguishing.preference
                {%- for feature in words_of_features() %}
                    when {{ loop.index }} then numbered.median_{{ feature }}
                {%- endfor %}
            end as feature_median,
            case distinguishing.preference
                {%- for feature in words_of_features() %}
                    when {{ loop.index }} then numbered.position_{{ feature }}
                {%- endfor %}
            end as feature_position,
            case distinguishing.preference
                {%- for feature in words_of_features() %}
                    when {{ loop.index }}
                        then {{ '' if feature == 'recency_days' else '-' }}numbered.median_{{ feature }}
                {%- endfor %}
            end as place
        from numbered
        cross join distinguishing

    ),

    compared as (

        select
            *,
            lag(feature_median) over of_name as median_before,
            lag(feature_position) over of_name as position_before,
            row_number() over of_name as rank_in_name
        from ordered
        window of_name as (
            partition by labeling_id, priority, preference order by place nulls last, number
        )

    ),

    parting as (

        -- A feature parts them where each median differs from the next by a tenth, and by its
        -- position among the customers.
        select
            *,
            preference = 99
            or min(
                case
                    when feature_median is null then 0
                    when rank_in_name = 1 then 1
                    when
                        greatest(feature_median, median_before)
                        > 1.1 * least(feature_median, median_before)
                        and abs(feature_position - position_before) >= 0.05
                        then 1
                    else 0
                end
            ) over (partition by labeling_id, priority, preference) = 1 as is_parting
        from compared

    ),

    distinguished as (

        select
            *,
            min(case when is_parting then preference end)
                over (partition by labeling_id, priority) as preference_of_name
        from parting

    )

    select
        named.labeling_id,
        named.cluster,
        cast(named.number as integer) as number,
        naming_rules.segment_name as rule_name,
        naming_rules.segment_name
        || case
            when named.segments_of_name = 1 then ''
            when named.segments_of_name > 2
                then ', ' || named.words || ' ' || named.rank_in_name || ' of ' || named.segments_of_name
            when named.rank_in_name = 1 then ', ' || named.first_words
            else ', ' || named.last_words
        end as segment_name,
        coalesce(described.bands, 'nothing far from the middle') as bands,
        naming_rules.description,
        naming_rules.recommended_action
    from distinguished as named
    left join described
        on
            named.labeling_id = described.labeling_id
            and named.cluster = described.cluster
    inner join {{ ref('segment_naming_rules') }} as naming_rules
        on named.priority = naming_rules.priority
    where named.preference = named.preference_of_name
{% endmacro %}


{#
    By feature the words that distinguish clusters of one rule: with a rank where they are three or more, and
    of two the first and the last one.
#}
{% macro words_of_features() %}
    {{ return({
        'monetary_value': ('spend rank', 'higher spend', 'lower spend'),
        'recency_days': ('recency rank', 'more recent', 'longer ago'),
        'frequency': ('order rank', 'more orders', 'fewer orders'),
        'review_score': ('score rank', 'higher scores', 'lower scores'),
    }) }}
{% endmacro %}


{# The features that the naming rules set conditions on. #}
{% macro naming_features() %}
    {{ return(['recency_days', 'frequency', 'monetary_value', 'review_score']) }}
{% endmacro %}


{# Those of them that the source tells. #}
{% macro known_naming_features() %}
    {{ return(naming_features() | reject('in', adapter_macro('missing_features')()) | list) }}
{% endmacro %}
