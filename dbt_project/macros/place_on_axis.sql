{# Where a scored customer lies on an axis: the product of scaled features and `loadings`. #}
{% macro place_on_axis(axis) -%}
    {%- for feature in scored_models().features -%}
        scored.{{ feature }}_scaled * loadings.{{ feature }}__{{ axis }}
        {{- ' + ' if not loop.last }}
    {%- endfor -%}
{%- endmacro %}
