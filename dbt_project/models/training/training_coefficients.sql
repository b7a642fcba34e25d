{%- set models = scored_models() -%}

with

parameters as (

    select * from {{ ref('training_parameters') }}

),

centroids as (

    select * from {{ ref('training_centroids') }}

),

parameters_side_by_side as (

    -- A feature that the model does not use is capped to 0.
    select
        {% for feature in models.features %}
            {% for name in ['imputation_value', 'lower_cap', 'upper_cap', 'mean', 'scale'] %}
                coalesce(
                    max(case when feature = '{{ feature }}' then {{ name }} end),
                    {{ 1 if name == 'scale' else 0 }}
                ) as {{ feature }}__{{ name }},
            {% endfor %}
            bool_or(feature = '{{ feature }}' and transform = 'log1p') as {{ feature }}__is_log1p,
        {% endfor %}
        model_id
    from parameters
    group by model_id

),

centroids_side_by_side as (

    -- 0 in the features that the model does not use, null for clusters that it has not.
    select
        {% for cluster in range(models.n_segments) %}
            {% for feature in models.features %}
                {%- set own_centroid -%}
                    case
                        when cluster = {{ cluster }} and feature = '{{ feature }}' then centroid_scaled
                    end
                {%- endset %}
                case
                    when bool_or(cluster = {{ cluster }})
                        then coalesce(max({{ own_centroid }}), 0)
                end as {{ feature }}__centroid_{{ cluster }},
            {% endfor %}
        {% endfor %}
        model_id
    from centroids
    group by model_id

)

select
    parameters_side_by_side.*,
    {{ star_except(['model_id'], 'centroids_side_by_side') }}  -- noqa: RF02
from parameters_side_by_side
inner join centroids_side_by_side
    on parameters_side_by_side.model_id = centroids_side_by_side.model_id
