{#
    Weighted observations: customers who are alike in every feature that a model uses, counted. Above a number of customers an
    observation is a bin, `bin_width()` standard deviations wide in each feature: what Python fits and compares is
    then bounded by the width, whatever the number of customers.

    `candidate` is what `chosen_model` returns.
#}

{# The width of a bin, in standard deviations of a feature. #}
{% macro bin_width() %} {{ return(0.05) }} {% endmacro %}


{# Where noise and causes are measured: `NOISE_BIN_WIDTH` of segmentation/observations.py. #}
{% macro noise_bin_width() %} {{ return(0.2) }} {% endmacro %}


{% macro transformed(value, transform) -%}
    {{ 'ln(1 + ' ~ value ~ ')' if transform == 'log1p' else value }}
{%- endmacro %}


{# The features as doubles in original units, null where unknown. #}
{% macro features_of(candidate, customers) %}
    {%- for feature in candidate.features %}
        cast({{ customers }}.{{ feature }} as double) as {{ feature }}{{ ',' if not loop.last }}
    {%- endfor %}
{% endmacro %}


{% macro feature_list(candidate, customers) -%}
    {%- set values = [] %}
    {%- for feature in candidate.features %}
        {%- do values.append(customers ~ '.' ~ feature) %}
    {%- endfor %}
    {{- dbt.array_construct(values) }}
{%- endmacro %}


{#
    One row per cut-off: its customers, and the standard deviation of each transformed feature, 1 for a constant
    one. Sums of whole millionths, because a sum of doubles depends on the order of adding.
#}
{% macro spread_of_features(customers, candidate) %}
    select
        cutoff,
        count(*) as customers
        {%- for feature in candidate.features %}
            {%- set millionths -%}
                cast(round(1e6 * {{ transformed(feature, candidate.transforms[feature]) }}) as bigint)
            {%- endset -%}
            {#- The square of a logarithm fits, and narrow integers multiply faster. -#}
            {%- set wide = millionths if candidate.transforms[feature] == 'log1p'
                else 'cast(' ~ millionths ~ ' as ' ~ wide_integer() ~ ')' %}
            {%- set mean = 'cast(sum(' ~ millionths ~ ') as double) / nullif(count(' ~ feature ~ '), 0)' %},
            coalesce(
                nullif(
                    sqrt(
                        greatest(
                            cast(sum({{ wide }} * {{ millionths }}) as double)
                            / nullif(count({{ feature }}), 0) - pow({{ mean }}, 2),
                            0
                        )
                    ) / 1e6,
                    0
                ),
                1
            ) as {{ feature }}__spread
        {%- endfor %}
    from {{ customers }}
    group by cutoff
{% endmacro %}


{% macro transformed_features(customers, candidate) %}
    {%- for feature in candidate.features %}
        {{ transformed(customers ~ '.' ~ feature, candidate.transforms[feature]) }} as {{ feature }}
        {{- ',' if not loop.last }}
    {%- endfor %}
{% endmacro %}


{# The transformed features in widths of an observation, null where unknown. #}
{% macro features_in_bin_widths(customers, spread, candidate, width) %}
    {%- for feature in candidate.features %}
        {{ transformed(customers ~ '.' ~ feature, candidate.transforms[feature]) }}
            / ({{ width }} * {{ spread }}.{{ feature }}__spread) as {{ feature }}__place
            {{- ',' if not loop.last }}
    {%- endfor %}
{% endmacro %}


{#
    The bin of each feature, null where unknown. In a plain grid a border between two clusters that moves a
    little takes whole rows of bins with it, or none. So the bins of a feature start at an offset that differs
    with the plain bins of the other features, by fractions that fill the width evenly.
#}
{% macro staggered_bins(candidate) %}
    {%- set fractions = [0.6180339887, 0.7548776662, 0.5698402910, 0.8191725134, 0.6710436067] %}
    {%- for feature in candidate.features %}
        {%- set others = candidate.features | reject('eq', feature) | list %}
        cast(
            floor(
                {{ feature }}__place
                {%- if others %}
                    {%- set offset -%}
                        (
                        {%- for other in others %}
                            coalesce(round({{ other }}__place), 0) * {{ fractions[loop.index0 % 5] }}
                            {{- ' +' if not loop.last }}
                        {%- endfor %}
                        )
                    {%- endset %}
                    {# Its fraction: the remainder of a division by 1 takes twice the time. #}
                    + {{ offset }} - floor({{ offset }})
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


{# The order of bins. Where nulls come differs between engines unless it is said. #}
{% macro bin_order(candidate) -%}
    {%- for feature in candidate.features -%}
        {{ feature }}__bin asc nulls last{{ ', ' if not loop.last }}
    {%- endfor -%}
{%- endmacro %}


{#
    What the customers of a bin have in common, in original units: means of the transformed values, taken back.
    Sums of whole billionths, because a sum of doubles depends on the order of adding.
#}
{% macro mean_feature_values(candidate) %}
    {%- for feature in candidate.features %}
        {%- set mean -%}
            cast(sum(cast(round(1e9 * {{ feature }}) as bigint)) as double) / (1e9 * count(*))
        {%- endset %}
        {{ 'exp(' ~ mean ~ ') - 1' if candidate.transforms[feature] == 'log1p' else mean }} as {{ feature }}
        {{- ',' if not loop.last }}
    {%- endfor %}
{% endmacro %}
