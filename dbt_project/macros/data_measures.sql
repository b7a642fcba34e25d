{# The standard error of a share; one fact more of either kind keeps it from being 0. #}
{% macro sampling_error_of_share(facts, of_facts) -%}
    sqrt(
        ({{ facts }} + 1e0) / ({{ of_facts }} + 2e0) * greatest(1 - ({{ facts }} + 1e0) / ({{ of_facts }} + 2e0), 0)
        / {{ of_facts }}
    )
{%- endmacro %}


{# By how much the stability index grows with the share of a bin. #}
{% macro stability_slope() -%} (ln(bin_share / reference_share) + 1 - reference_share / bin_share) {%- endmacro %}


{# How many standard deviations of the earlier changes a change must be away from the usual one to be a jump. #}
{% macro least_deviations() %} {{ return(6) }} {% endmacro %}


{# Changes at earlier evaluation dates, and facts at an evaluation, without which nothing is called a jump. #}
{% macro least_earlier_changes() %} {{ return(8) }} {% endmacro %}
{% macro least_facts() %} {{ return(30) }} {% endmacro %}
