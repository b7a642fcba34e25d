{#
    The mean as a double of values cast to decimals. Decimals, because a sum of doubles depends on the order in
    which threads add; Spark's mean of decimals is rounded.
#}
{% macro mean_of_decimals(value) -%} {{ adapter.dispatch('mean_of_decimals')(value) }} {%- endmacro %}

{% macro default__mean_of_decimals(value) -%} avg(cast({{ value }} as decimal(18, 6))) {%- endmacro %}

{% macro spark__mean_of_decimals(value) -%}
    (cast(sum({{ decimal_of_double(value, 6) }}) as double) / count({{ value }}))
{%- endmacro %}


{# Sum and mean of doubles, added in an order, so that they are the same in each run. #}
{% macro sum_in_order(value, by) -%} {{ adapter.dispatch('sum_in_order')(value, by) }} {%- endmacro %}

{% macro default__sum_in_order(value, by) -%} sum({{ value }} order by {{ by | join(', ') }}) {%- endmacro %}

{% macro spark__sum_in_order(value, by) -%}
    aggregate(
        array_sort(
            collect_list(struct({{ by | join(', ') }}, cast({{ value }} as double) as summand))
                filter (where {{ value }} is not null)
        ),
        cast(null as double),
        (so_far, next) -> coalesce(so_far, cast(0 as double)) + next.summand
    )
{%- endmacro %}


{% macro mean_in_order(value, by) -%} {{ adapter.dispatch('mean_in_order')(value, by) }} {%- endmacro %}

{% macro default__mean_in_order(value, by) -%} avg({{ value }} order by {{ by | join(', ') }}) {%- endmacro %}

{% macro spark__mean_in_order(value, by) -%}
    ({{ spark__sum_in_order(value, by) }} / count({{ value }}))
{%- endmacro %}


{# Texts joined in an order, which `dbt.listagg` passes over on Spark. #}
{% macro texts_in_order(text, separator, by) -%}
    {{ adapter.dispatch('texts_in_order')(text, separator, by) }}
{%- endmacro %}

{% macro default__texts_in_order(text, separator, by) -%}
    string_agg({{ text }}, {{ sql_string(separator) }} order by {{ by }})
{%- endmacro %}

{% macro spark__texts_in_order(text, separator, by) -%}
    listagg({{ text }}, {{ sql_string(separator) }}) within group (order by {{ by }})
{%- endmacro %}
