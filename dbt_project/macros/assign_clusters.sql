{#
    Customers with the features in scaled units beside them, as <feature>_scaled; `assign_clusters` says of which model.
#}
{% macro scale_features(customers, scaling='model_id', coefficients=none) %}
{%- set capped = [] %}
{%- set models = scored_models() %}
{%- for feature in models.features %}{% do capped.append(feature ~ '_capped') %}{% endfor -%}
    with

    scaled as ({{ capped_and_scaled_features(customers, scaling, coefficients) }})

    select {{ star_except(capped, 'scaled') }} from scaled
{% endmacro %}


{% macro capped_and_scaled_features(customers, scaling, coefficients) %}
        select
            customers.*
            {%- for feature in scored_models().features %}
                {%- set its = 'coefficients.' ~ feature ~ '__' %},
                least(
                    greatest(
                        coalesce(cast(customers.{{ feature }} as double), {{ its }}imputation_value), {{ its }}lower_cap
                    ),
                    {{ its }}upper_cap
                ) as {{ feature }}_capped,
                (
                    case when {{ its }}is_log1p then ln(1 + {{ feature }}_capped) else {{ feature }}_capped end
                    - {{ its }}mean
                ) / {{ its }}scale as {{ feature }}_scaled
            {%- endfor %}
        from {{ customers }} as customers
        left join {{ coefficients or ref('training_coefficients') }} as coefficients
            on customers.{{ scaling }} = coefficients.model_id
{% endmacro %}


{#
    Scores customers with frozen models: the nearest centroid of the model that each row names.

    `customers` is a relation with the features in original units, null where unknown, and `model_id`; `scaling` is
    its column that names the model whose scaling the features are put into, where that is another one;
    `coefficients` is a relation like training_coefficients, in its place.
    The query has its columns and
      <feature>_scaled            the features in scaled units
      squared_distance            to the nearest centroid, in scaled units
      cluster                     number of the nearest centroid
      runner_up_squared_distance  to the second nearest
      runner_up_cluster           number of the second nearest
      holding_clusters            bit c is set where the hysteresis margin holds a customer in cluster c, though
                                  another one is nearer
    It agrees with scikit-learn's `predict` on the same parameters. A feature that the model does not use is
    0 for it. With the var `labels` nothing is scored: `look_labels_up`, for which the customers have `customer_number` and
    `cutoff`.

    Left joins, though every row finds its model: DuckDB takes the customers of a range join for a handful, and
    would keep them all in memory to look the models up.
#}
{% macro assign_clusters(customers, scaling='model_id', coefficients=none) %}
{%- if has_labels() %}{{ return(look_labels_up(customers)) }}{% endif %}
{%- set models = scored_models() %}
{%- set clusters = range(models.n_segments) %}
{%- set capped, distances = [], [] %}
{%- for feature in models.features %}{% do capped.append(feature ~ '_capped') %}{% endfor %}
{%- for cluster in clusters %}{% do distances.append('distance_' ~ cluster) %}{% endfor -%}
    with

    scaled as (

{{ capped_and_scaled_features(customers, scaling, coefficients) }}
    ),

    measured as (

        select
            {{ star_except(capped, 'scaled') }}
            {%- for cluster in clusters %},
                {%- for feature in models.features %}
                    {{ square_of('scaled.' ~ feature ~ '_scaled - coefficients.' ~ feature ~ '__centroid_' ~ cluster) }}
                    {{- ' +' if not loop.last }}
                {%- endfor %} as distance_{{ cluster }}
            {%- endfor %}
        from scaled
        left join {{ coefficients or ref('training_coefficients') }} as coefficients
            on scaled.model_id = coefficients.model_id

    )

    select
        {{ star_except(distances) }},
        least({{ distances | join(', ') }}) as squared_distance,
        {{ cluster_at('squared_distance', clusters) }} as cluster,
        least(
            {%- for cluster in clusters %}
                case when cluster != {{ cluster }} then distance_{{ cluster }} end{{ ',' if not loop.last }}
            {%- endfor %}
        ) as runner_up_squared_distance,
        {{ cluster_at('runner_up_squared_distance', clusters, except='cluster') }} as runner_up_cluster,
        cast(
            {%- set nearness = (1 - number_var('hysteresis_margin')) ** 2 %}
            {%- for cluster in clusters %}
                case
                    when cluster != {{ cluster }} and squared_distance > {{ nearness }} * distance_{{ cluster }}
                        then {{ 2 ** cluster }} else 0
                end {{- ' +' if not loop.last }}
            {%- endfor %} as bigint
        ) as holding_clusters
    from measured
{% endmacro %}


{# A product: `power` is several times slower. #}
{% macro square_of(value) -%} ({{ value }}) * ({{ value }}) {%- endmacro %}


{# The cluster at this distance: the lowest number where two are as near, never `except`. #}
{% macro cluster_at(distance, clusters, except=none) -%}
    case
        {%- for cluster in clusters %}
            when distance_{{ cluster }} = {{ distance }}
            {%- if except is not none %} and {{ except }} != {{ cluster }}{% endif %} then {{ cluster }}
        {%- endfor %}
    end
{%- endmacro %}


{#
    The distance of a centroid of another model to one of this model, in the scaled units of this model, by the
    features that both use. An aggregate over rows by feature of `parameters` and `own`, the other being `other`.
#}
{% macro centroid_distance(own, other) -%}
    {%- set in_scaled_units -%}
        (
            case when parameters.transform = 'log1p' then ln(1 + {{ other }}.centroid) else {{ other }}.centroid end
            - parameters.mean
        ) / parameters.scale
    {%- endset -%}
    sqrt({{ sum_in_order('power(' ~ in_scaled_units ~ ' - ' ~ own ~ '.centroid_scaled, 2)', ['centroids.feature']) }})
{%- endmacro %}

{#
    One row a model with all that scoring needs, of rows by feature of `parameters`, and by cluster and feature of
    `centroids`: two CTEs, and the query.
#}
{% macro side_by_side(parameters, centroids) %}
{%- set models = scored_models() -%}
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
    from {{ parameters }}
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
    from {{ centroids }}
    group by model_id

)

select
    parameters_side_by_side.*,
    {{ star_except(['model_id'], 'centroids_side_by_side') }}  -- noqa: RF02
from parameters_side_by_side
inner join centroids_side_by_side
    on parameters_side_by_side.model_id = centroids_side_by_side.model_id
{%- endmacro %}
