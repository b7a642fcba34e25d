{#
    Cells: customers who are alike in every feature that a model uses, counted. A cell is `cell_width` standard
    deviations wide in each feature. What Python refits to learn how far noise goes, and why agreement ends, it
    refits on cells: their number depends on the width, hardly on the customers. What each feature alone looks
    like is counted in bins a hundredth as wide.

    `candidate` is what `chosen_model` returns.
#}

{# One row per model: its caps in transformed units, its means and scales. #}
{% macro transformed_scalings(parameters, candidate) %}
    select
        model_id
        {%- for feature in candidate.features %}
            {%- for name in ['lower_cap', 'upper_cap'] %},
                max(case when feature = '{{ feature }}' then
                    {{ transformed(name, candidate.transforms[feature]) }}
                end) as {{ feature }}__{{ name }}
            {%- endfor %}
            {%- for name in ['mean', 'scale'] %},
                max(case when feature = '{{ feature }}' then {{ name }} end) as {{ feature }}__{{ name }}
            {%- endfor %}
        {%- endfor %}
    from {{ parameters }}
    group by 1
{% endmacro %}


{# The features in transformed units, capped; null where unknown. #}
{% macro known_features_capped(customers, scalings, candidate) %}
    {%- for feature in candidate.features %}
        case
            when {{ customers }}.{{ feature }} is not null
                then least(
                    greatest(
                        {{ transformed('cast(' ~ customers ~ '.' ~ feature ~ ' as double)', candidate.transforms[feature]) }},
                        {{ scalings }}.{{ feature }}__lower_cap
                    ),
                    {{ scalings }}.{{ feature }}__upper_cap
                )
        end as {{ feature }}{{ ',' if not loop.last }}
    {%- endfor %}
{% endmacro %}


{# The features in cell widths, null where unknown. #}
{% macro features_in_cell_widths(customers, scalings, candidate, width) %}
    {%- for feature in candidate.features %}
        ({{ customers }}.{{ feature }} - {{ scalings }}.{{ feature }}__mean)
            / ({{ width }} * {{ scalings }}.{{ feature }}__scale) as {{ feature }}__place
            {{- ',' if not loop.last }}
    {%- endfor %}
{% endmacro %}


{#
    The cell of each feature, null where unknown. In a plain grid a border between two clusters that moves a
    little takes whole rows of cells with it, or none. So the cells of a feature start at an offset that differs
    with the plain cells of the other features, by fractions that fill the width evenly.
#}
{% macro staggered_bins(candidate) %}
    {%- set fractions = [0.6180339887, 0.7548776662, 0.5698402910, 0.8191725134, 0.6710436067] %}
    {%- for feature in candidate.features %}
        {%- set others = candidate.features | reject('eq', feature) | list %}
        cast(
            floor(
                {{ feature }}__place
                {%- if others %}
                    + (
                        {%- for other in others %}
                            coalesce(round({{ other }}__place), 0) * {{ fractions[loop.index0 % 5] }}
                            {{- ' +' if not loop.last }}
                        {%- endfor %}
                    ) % 1
                {%- endif %}
            ) as integer
        ) as {{ feature }}__bin{{ ',' if not loop.last }}
    {%- endfor %}
{% endmacro %}


{% macro bin_columns(candidate) -%}
    {%- for feature in candidate.features -%}
        {{ feature }}__bin{{ ', ' if not loop.last }}
    {%- endfor -%}
{%- endmacro %}


{#
    What a cell's customers have in common, in original units: means of the transformed values, taken back.
#}
{% macro mean_feature_values(candidate) %}
    [
        {%- for feature in candidate.features %}
            {{ mean_of_transformed(feature, candidate.transforms[feature]) }}{{ ',' if not loop.last }}
        {%- endfor %}
    ]
{% endmacro %}


{# Sums of whole billionths, because a sum of doubles depends on the order of adding. #}
{% macro mean_of_transformed(feature, transform) -%}
    {%- set mean -%}
        cast(sum(cast(round(1e9 * {{ feature }}) as bigint)) as double) / (1e9 * count(*))
    {%- endset -%}
    {{ 'exp(' ~ mean ~ ') - 1' if transform == 'log1p' else mean }}
{%- endmacro %}


{# One row per model, feature and bin of its own: the mean value, null where unknown, and the customers. #}
{% macro counted_values(customers, scalings, candidate, width) %}
    {%- for feature in candidate.features %}
        {{ 'union all' if not loop.first }}
        select
            {{ customers }}.model_id,
            '{{ feature }}' as feature,
            {{ mean_of_transformed(customers ~ '.' ~ feature, candidate.transforms[feature]) }} as feature_value,
            count(*) as customers
        from {{ customers }}
        inner join {{ scalings }} on {{ customers }}.model_id = {{ scalings }}.model_id
        group by
            {{ customers }}.model_id,
            round(
                ({{ customers }}.{{ feature }} - {{ scalings }}.{{ feature }}__mean)
                / ({{ width }} * {{ scalings }}.{{ feature }}__scale)
            )
    {% endfor %}
{% endmacro %}
