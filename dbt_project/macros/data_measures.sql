{# The deciles of all features in one row, as <feature>__<position>. #}
{% macro deciles_side_by_side(feature_bins, features) %}
    select
        {%- for feature in features %}
            {%- for position in range(9) %}
                max(case when feature = '{{ feature }}' then {{ element_at_position('deciles', position) }} end)
                    as {{ feature }}__{{ position }}{{ ',' if not loop.last }}
            {%- endfor %}
            {{- ',' if not loop.last }}
        {%- endfor %}
    from {{ feature_bins }}
{% endmacro %}


{# The number of deciles that each feature is above, -1 where it is missing, as <feature>__bin. #}
{% macro deciles_below(customers, deciles, features) %}
    {%- for feature in features %}
        case
            when {{ customers }}.{{ feature }} is null then -1
            else
                {%- for position in range(9) %}
                    case when {{ customers }}.{{ feature }} > {{ deciles }}.{{ feature }}__{{ position }} then 1 else 0 end
                    {{- ' +' if not loop.last }}
                {%- endfor %}
        end as {{ feature }}__bin{{ ',' if not loop.last }}
    {%- endfor %}
{% endmacro %}


{#
    Customers by the time in which they are alike, whether they are new, and bin of one feature after the other, or
    the last order, in one pass over them.
#}
{% macro counted_by_bin(customers, features) %}
    select
        {%- for feature in features %}
            {{ feature }}__bin,
        {%- endfor %}
        last_ordered_at,
        first_date,
        last_date,
        is_new,
        count(*) as facts
    from {{ customers }}
    group by grouping sets (
        {%- for feature in features %}
            (first_date, last_date, is_new, {{ feature }}__bin),
        {%- endfor %}
        (first_date, last_date, is_new, last_ordered_at)
    )
{% endmacro %}


{# The standard error of a share; one fact more of either kind keeps it from being 0. #}
{% macro sampling_error_of_share(facts, of_facts) -%}
    sqrt(
        ({{ facts }} + 1e0) / ({{ of_facts }} + 2e0) * greatest(1 - ({{ facts }} + 1e0) / ({{ of_facts }} + 2e0), 0)
        / {{ of_facts }}
    )
{%- endmacro %}


{# What a bin adds to the stability index. #}
{% macro stability_of_bin() -%} (bin_share - reference_share) * ln(bin_share / reference_share) {%- endmacro %}


{# By how much the stability index grows with the share of a bin. #}
{% macro stability_slope() -%} (ln(bin_share / reference_share) + 1 - reference_share / bin_share) {%- endmacro %}


{# How many standard deviations of the earlier changes a change must be away from the usual one to be a jump. #}
{% macro least_deviations() %} {{ return(6) }} {% endmacro %}


{# Changes at earlier evaluation dates, and facts at an evaluation, without which nothing is called a jump. #}
{% macro least_earlier_changes() %} {{ return(8) }} {% endmacro %}
{% macro least_facts() %} {{ return(30) }} {% endmacro %}
