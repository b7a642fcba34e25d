{%- set features = var('feature_transforms').keys() | list -%}

with

fitted_candidates as (

    select * from {{ ref('selection_fitted_candidates') }}

),

customers as (

    select * from {{ ref('selection_customers') }}

),

reorder_times as (

    select * from {{ ref('int_reorder_times') }}

),

unnested as (

    select
        candidate_id as labeling_id,
        customers as all_customers,
        compared_as_of,
        {{ elements_of('segments') }} as segment
    from fitted_candidates

),

clusters as (

    select
        labeling_id,
        segment.cluster,
        segment.customers,
        segment.customers / all_customers as share,
        segment.silhouette,
        segment.jaccard,
        {% for feature in features %}
            {% for figure in ['mean', 'median', 'mean_scaled'] %}
                {{ field_where('segment.features', 'feature', feature, figure) }}
                    as {{ figure }}_{{ feature }},
            {% endfor %}
        {% endfor %}
        compared_as_of
    from unnested

),

compared_customers as (

    select
        *,
        (select any_value(clusters.compared_as_of) from clusters) as compared_as_of
    from customers

),

positioned as (
    {{ median_positions('clusters', 'compared_customers', population='compared_as_of') }}
),

newest_reorder_time as (

    -- As it was known when the candidates were compared.
    select reorder_days
    from reorder_times
    where cutoff <= (select max(clusters.compared_as_of) from clusters)
    qualify row_number() over (order by cutoff desc) = 1

),

labelings as (

    select
        positioned.*,
        newest_reorder_time.reorder_days
    from positioned
    left join newest_reorder_time on true

),

named as ({{ name_clusters('labelings') }})

select
    {{ star_except(['labeling_id', 'cluster', 'compared_as_of'], 'clusters') }},  -- noqa: RF02
    named.number as segment_id,
    named.segment_name,
    named.rule_name,
    clusters.labeling_id as candidate_id,
    clusters.cluster,
    greatest(
        {% for feature in naming_features() %}
            abs(coalesce(clusters.mean_scaled_{{ feature }}, 0)){{ ',' if not loop.last }}
        {% endfor %}
    ) as largest_deviation
from clusters
inner join named
    on clusters.labeling_id = named.labeling_id and clusters.cluster = named.cluster
order by clusters.labeling_id, named.number
