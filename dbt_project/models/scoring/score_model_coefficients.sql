with

parameters as (

    select * from {{ ref('score_model_parameters') }}

),

centroids as (

    select * from {{ ref('score_model_centroids') }}

),

parameters_side_by_side as (

    select
        model_id,
        {% for feature in var('feature_set') %}
            {% for name in ['imputation_value', 'lower_cap', 'upper_cap', 'mean', 'scale'] %}
                max(case when feature = '{{ feature }}' then {{ name }} end)
                    as {{ feature }}__{{ name }},
            {% endfor %}
            bool_or(feature = '{{ feature }}' and transform = 'log1p')
                as {{ feature }}__is_log1p
            {{- ',' if not loop.last }}
        {% endfor %}
    from parameters
    group by 1

),

centroids_side_by_side as (

    select
        model_id,
        {% for cluster in range(var('n_segments')) %}
            {% set is_last_cluster = loop.last %}
            {% for feature in var('feature_set') %}
                max(
                    case
                        when cluster = {{ cluster }} and feature = '{{ feature }}'
                            then centroid_scaled
                    end
                ) as {{ feature }}__centroid_{{ cluster }}
                {{- ',' if not (loop.last and is_last_cluster) }}
            {% endfor %}
        {% endfor %}
    from centroids
    group by 1

)

select
    parameters_side_by_side.*,
    centroids_side_by_side.* exclude (model_id)
from parameters_side_by_side
inner join centroids_side_by_side
    on parameters_side_by_side.model_id = centroids_side_by_side.model_id
