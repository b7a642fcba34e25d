{#
    Every feature of the customers known at some cut-offs. A model that asks for a few of the cut-offs takes this:
    of `int_customer_features` it would have those at all of them computed first.
#}
{% macro features_at(cutoffs, customer_versions) %}
    select
        *,
        {{ relative_recencies() }}
    from (
        {{ known_customers(cutoffs, customer_versions, observation_months(var('observation_months'))) }}
    ) as known_at_cutoffs
{% endmacro %}


{#
    Features of the customers known at each cut-off, from facts known strictly before it: one range filter on
    customer versions. With `observation_months` only the facts of so many months before the cut-off count, and
    only customers who have ordered within them: what was known when the window began is taken off. A return within
    the window takes off at most what the window holds.
#}
{% macro known_customers(cutoffs, customer_versions, observation_months) %}
    {%- set off = 'before_window' if observation_months else none %}
    {%- set can_have_no_order = off or var('returns') == 'subtract' %}
    select
        cutoffs.cutoff,
        customer_versions.customer_id,
        customer_versions.customer_number,
        cast(
            {{ elapsed_days('customer_versions.last_ordered_at', 'cutoffs.cutoff') }} as integer
        ) as recency_days,
        {{ features_of_version('customer_versions', off) }}
    from {{ cutoffs }} as cutoffs
    -- A fact counts when it is known strictly before the cut-off.
    inner join {{ customer_versions }} as customer_versions
        on
            cutoffs.cutoff > customer_versions.valid_from
            and cutoffs.cutoff <= customer_versions.valid_to
    {%- if observation_months %}
        left join {{ customer_versions }} as before_window
            on
                customer_versions.customer_id = before_window.customer_id
                and cutoffs.cutoff - interval '{{ observation_months }}' month > before_window.valid_from
                and cutoffs.cutoff - interval '{{ observation_months }}' month <= before_window.valid_to
    {%- endif %}
    {%- if can_have_no_order %}
        where {{ within_window('customer_versions', 'frequency', off) }} > 0
    {%- endif %}
{% endmacro %}


{# The features that do not depend on the cut-off, of versions or of what they have more than those of `off`. #}
{% macro features_of_version(versions, off=none) %}
    {{ within_window(versions, 'frequency', off) }} as frequency,
    cast({{ within_window(versions, 'monetary_value', off) }} as decimal(18, 2)) as monetary_value,
    case
        when {{ within_window(versions, 'scored_orders', off) }} > 0
            then
                cast({{ within_window(versions, 'review_score_sum', off) }} as double)
                / {{ within_window(versions, 'scored_orders', off) }}
    end as review_score,
    {{ within_window(versions, 'items', off) }} / {{ within_window(versions, 'frequency', off) }} as basket_size,
    case
        when {{ within_window(versions, 'delivered_orders', off) }} > 0
            then
                cast({{ within_window(versions, 'delivery_days_sum', off) }} as double)
                / {{ within_window(versions, 'delivered_orders', off) }}
    end as delivery_days
{% endmacro %}


{% macro within_window(versions, column, off) -%}
    {%- if off -%}
        {%- set sum = versions ~ '.' ~ column ~ ' - coalesce(' ~ off ~ '.' ~ column ~ ', 0)' -%}
        {{ 'greatest(' ~ sum ~ ', 0)' if var('returns') == 'subtract' else '(' ~ sum ~ ')' }}
    {%- else -%}
        {{ versions }}.{{ column }}
    {%- endif -%}
{%- endmacro %}


{#
    Recency relative to the cut-off: the share of customers who have ordered more recently, ties counted half, and
    the share of the longest recency. DuckDB leaves out windows that a reader does not ask for.
#}
{% macro relative_recencies() %}
    (
        rank() over (partition by cutoff order by recency_days) - 1
        + count(*) over (partition by cutoff, recency_days) / 2
    ) / count(*) over (partition by cutoff) as recency_rank,
    recency_days / nullif(max(recency_days) over (partition by cutoff), 0) as recency_share
{% endmacro %}


{# The same of days, with the number of their customers. #}
{% macro relative_recencies_of_days() %}
    (sum(customers) over (partition by cutoff order by recency_days) - customers + customers / 2)
    / sum(customers) over (partition by cutoff) as recency_rank,
    recency_days / nullif(max(recency_days) over (partition by cutoff), 0) as recency_share
{% endmacro %}


{# The months of the observation window, checked; null for all facts. #}
{% macro observation_months(months) %}
    {% if months is not none and (months is not integer or months < 1) %}
        {% do exceptions.raise_compiler_error(
            'observation_months is ' ~ months ~ '; it must be a whole number of months, or null for all facts.'
        ) %}
    {% endif %}
    {{ return(months) }}
{% endmacro %}


{# One row per customer and month of orders that are known at the cut-off. #}
{% macro months_of_customers(customer_facts, cutoffs) %}
    select
        {{ customer_facts }}.customer_number,
        cast(date_trunc('month', {{ customer_facts }}.ordered_at) as date) as month,
        sum({{ customer_facts }}.monetary_value) as revenue
    from {{ customer_facts }}
    inner join {{ cutoffs }} on {{ customer_facts }}.ordered_at < {{ cutoffs }}.cutoff
    where {{ customer_facts }}.fact = 'order placed'
    group by 1, 2
{% endmacro %}
