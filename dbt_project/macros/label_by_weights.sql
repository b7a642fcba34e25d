{#
    Labels customers by many models of one candidate at once, which have the same features, transforms and
    number of clusters. The squared distance to a centroid c, (x - c)^2, is x^2 - 2cx + c^2, and x^2 is the
    same for all clusters: the nearest one has the lowest of the linear scores c^2 - 2cx. With the scaling
    in the weights, a score takes one product a feature. `assign_clusters` gives distances too.

    `candidate` is what `chosen_model` returns.
#}

{# One row per model: its preprocessing in transformed units and the weights of each cluster's score. #}
{% macro linear_weights(parameters, centroids, candidate) %}
    select
        parameters.model_id
        {%- for feature in candidate.features %}
            {%- for name in ['imputation_value', 'lower_cap', 'upper_cap'] %},
                max(case when parameters.feature = '{{ feature }}' then
                    {{ transformed('parameters.' ~ name, candidate.transforms[feature]) }}
                end) as {{ feature }}__{{ name }}
            {%- endfor %}
            {%- for name in ['mean', 'scale'] %},
                max(case when parameters.feature = '{{ feature }}' then parameters.{{ name }} end)
                    as {{ feature }}__{{ name }}
            {%- endfor %}
        {%- endfor %}
        {%- for cluster in range(candidate.n_segments) %}
            {%- for feature in candidate.features %},
                max(
                    case
                        when centroids.cluster = {{ cluster }} and centroids.feature = '{{ feature }}'
                            then -2 * centroids.centroid_scaled / parameters.scale
                    end
                ) as {{ feature }}__weight_{{ cluster }}
            {%- endfor %},
            sum(
                case
                    when centroids.cluster = {{ cluster }}
                        then centroids.centroid_scaled
                            * (centroids.centroid_scaled + 2 * parameters.mean / parameters.scale)
                end order by centroids.feature
            ) as bias_{{ cluster }}
        {%- endfor %}
    from {{ parameters }} as parameters
    inner join {{ centroids }} as centroids
        on parameters.model_id = centroids.model_id and parameters.feature = centroids.feature
    group by 1
{% endmacro %}


{# The features in transformed units; a cap before the transform is the transformed cap after it. #}
{% macro transformed_features(customers, candidate) %}
    {%- for feature in candidate.features %}
        {{ transformed('cast(' ~ customers ~ '.' ~ feature ~ ' as double)', candidate.transforms[feature]) }}
            as {{ feature }}{{ ',' if not loop.last }}
    {%- endfor %}
{% endmacro %}


{% macro transformed(value, transform) -%}
    {{ 'ln(1 + ' ~ value ~ ')' if transform == 'log1p' else value }}
{%- endmacro %}


{#
    The columns of `customers`, whose features are transformed, and as the column `label` the cluster that the
    model in the column `model` gives.
#}
{% macro label_by_weights(customers, model, label, candidate) %}
    {%- set scores = [] -%}
    {%- for cluster in range(candidate.n_segments) -%}
        {%- do scores.append('score_' ~ cluster) -%}
    {%- endfor %}
    {# In steps: DuckDB computes an alias anew wherever the same select uses it. #}
    with

    capped as (

        select
            customers.*,
            weights.* exclude (model_id)
            {%- for feature in candidate.features %},
                {{ capped('customers', feature) }} as {{ feature }}__capped
            {%- endfor %}
        from {{ customers }} as customers
        inner join weights on customers.{{ model }} = weights.model_id

    ),

    scored as (

        select
            * exclude (
                {%- for feature in candidate.features -%}
                    {{ feature }}__imputation_value, {{ feature }}__lower_cap,
                    {{ feature }}__upper_cap, {{ feature }}__mean, {{ feature }}__scale,
                    {{ feature }}__capped,
                    {%- for cluster in range(candidate.n_segments) %}
                        {{ feature }}__weight_{{ cluster }},
                    {%- endfor %}
                {%- endfor %}
                {%- for cluster in range(candidate.n_segments) %}
                    bias_{{ cluster }}{{ ',' if not loop.last }}
                {%- endfor %}
            )
            {%- for cluster in range(candidate.n_segments) %},
                bias_{{ cluster }}
                {%- for feature in candidate.features %}
                    + {{ feature }}__weight_{{ cluster }} * {{ feature }}__capped
                {%- endfor %} as score_{{ cluster }}
            {%- endfor %}
        from capped

    )

    select
        * exclude ({{ scores | join(', ') }}),
        case least({{ scores | join(', ') }})
            {%- for score in scores %}
                when {{ score }} then {{ loop.index0 }}
            {%- endfor %}
        end as {{ label }}
    from scored
{% endmacro %}


{% macro capped(customers, feature) -%}
    least(
        greatest(
            coalesce({{ customers }}.{{ feature }}, weights.{{ feature }}__imputation_value),
            weights.{{ feature }}__lower_cap
        ),
        weights.{{ feature }}__upper_cap
    )
{%- endmacro %}


{#
    The features in scaled units and the sum of their squares: decimals, because a sum of doubles depends on
    the order of adding.
#}
{% macro scaled_features(customers, candidate) %}
    {%- for feature in candidate.features %}
        cast({{ scaled(customers, feature) }} as decimal(18, 9)) as {{ feature }}_scaled,
    {%- endfor %}
    cast(
        {%- for feature in candidate.features %}
            pow({{ scaled(customers, feature) }}, 2){{ ' +' if not loop.last }}
        {%- endfor %}
        as decimal(18, 9)
    ) as scaled_square
{% endmacro %}


{% macro scaled(customers, feature) -%}
    ({{ capped(customers, feature) }} - weights.{{ feature }}__mean) / weights.{{ feature }}__scale
{%- endmacro %}


{# Sums of the scaled features in the order of the candidate, and of their squares. #}
{% macro sums_of_scaled_features(candidate) %}
    [
        {%- for feature in candidate.features %}
            cast(sum({{ feature }}_scaled) as double){{ ',' if not loop.last }}
        {%- endfor %}
    ] as scaled_sums,
    cast(sum(scaled_square) as double) as scaled_sum_of_squares
{% endmacro %}
