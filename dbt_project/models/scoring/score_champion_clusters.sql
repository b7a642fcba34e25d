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

cluster_medians as (

    select
        model_id,
        cluster,
        count(*) as customers,
        {% for feature in naming_features %}
            median({{ feature }}) as {{ feature }},
        {% endfor %}
        avg(monetary_value) as mean_monetary_value,
        avg(recency_days) as mean_recency_days,
        avg(frequency) as mean_frequency
    from labelled
    group by 1, 2

),

positioned as (

    -- A position is the share of all customers below the median, those at it counted by half.
    select
        cluster_medians.cluster,
        {% for feature in naming_features %}
            (
                count(*) filter (where labelled.{{ feature }} < cluster_medians.{{ feature }})
                + 0.5
                * count(*) filter (where labelled.{{ feature }} = cluster_medians.{{ feature }})
            ) / nullif(count(labelled.{{ feature }}), 0) as {{ feature }}_position
            {{- ',' if not loop.last }}
        {% endfor %}
    from cluster_medians
    cross join labelled
    group by 1

),

banded as (

    select
        cluster,
        {% for feature in naming_features %}
            case
                when {{ feature }}_position < {{ var('naming_low_position') }} then 'low'
                when {{ feature }}_position > {{ var('naming_high_position') }} then 'high'
                when {{ feature }}_position is not null then 'middle'
            end as {{ feature }}
            {{- ',' if not loop.last }}
        {% endfor %}
    from positioned

),

ruled as (

    select
        banded.cluster,
        min(naming_rules.priority) as priority
    from banded
    inner join naming_rules
        on
            {% for feature in naming_features %}
                {{ 'and ' if not loop.first }}(
                    naming_rules.{{ feature }} is null
                    or naming_rules.{{ feature }} = banded.{{ feature }}
                )
            {% endfor %}
    group by 1

),

numbered as (

    -- Segments are numbered by what they are: the highest mean spend is 1.
    select
        cluster_medians.*,
        ruled.priority,
        row_number() over (
            order by mean_monetary_value desc, mean_recency_days, mean_frequency desc, customers desc
        ) as segment_id,
        row_number() over (
            partition by ruled.priority order by mean_monetary_value desc, mean_recency_days
        ) as rank_in_name,
        count(*) over (partition by ruled.priority) as segments_of_name
    from cluster_medians
    inner join ruled on cluster_medians.cluster = ruled.cluster

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
