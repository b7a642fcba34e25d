{# What customers will order is looked at over these numbers of days. #}
{% macro value_horizons() %} {{ return([30, 90, 365]) }} {% endmacro %}


{#
    The orders of customers as BG/NBD takes them, known strictly before each of some cut-offs; with
    `observation_months` those of so many months. Orders of a day are one order. Ages are counted as in the
    literature, up to the last day before the cut-off.

    Where nothing that is known goes again, by the window or by a return, the sums run on from order to order, and
    a cut-off finds them: nothing is summed anew for each.
#}
{% macro order_histories_at(cutoffs, order_days) %}
    {%- if do_histories_run_on() %}
        {{- running_histories_at(cutoffs, order_days) }}
    {%- else %}
        {{- summed_histories_at(cutoffs, order_days) }}
    {%- endif %}
{% endmacro %}


{% macro do_histories_run_on() %}
    {{ return(not observation_months(var('observation_months')) and var('returns') != 'subtract') }}
{% endmacro %}


{% macro running_histories_at(cutoffs, order_days) %}
    select
        cutoffs.cutoff,
        histories.customer_number,
        histories.repeat_orders,
        {{ days_of_history('histories', 'cutoffs.cutoff') }},
        histories.monetary_value
    from {{ cutoffs }} as cutoffs
    inner join ({{ running_histories(order_days) }}) as histories
        on
            cutoffs.cutoff > histories.valid_from
            and cutoffs.cutoff <= histories.valid_to
{% endmacro %}


{# What is known of a customer's orders, from one of them to the next. #}
{% macro running_histories(order_days) %}
    select
        customer_number,
        valid_from,
        lead(valid_from, 1, {{ end_of_time() }}) over in_time as valid_to,
        min(ordered_on) over in_time as first_ordered_on,
        ordered_on as last_ordered_on,
        dense_rank() over (partition by customer_number order by ordered_on) - 1 as repeat_orders,
        sum(value_added) over (
            partition by customer_number order by valid_from
            rows between unbounded preceding and current row
        ) as monetary_value
    from (
        select
            *,
            monetary_value - coalesce(
                lag(monetary_value) over (partition by customer_number, ordered_on order by valid_from), 0
            ) as value_added
        from {{ order_days }}
    ) as added
    window in_time as (partition by customer_number order by valid_from)
{% endmacro %}


{#
    Customers who are alike to the model at some cut-offs, counted: those with the same number of orders and times. With
    `memberships`, which have customer_number, segment_id, valid_from and valid_to, of each segment.
#}
{% macro alike_customers_at(cutoffs, order_days, memberships=none) %}
    {%- set segment = 'segment_id,' if memberships %}
    with

    {% if do_histories_run_on() -%}
        numbered_dates as ({{ numbered_dates(cutoffs) }}),

        histories as ({{ running_histories(order_days) }}),

        standing as ({{ standing_at('numbered_dates', 'histories') }}),

        alike_for_a_time as (

            select
                {%- if memberships %}
                    memberships.segment_id,
                    memberships.valid_from,
                    memberships.valid_to,
                {%- endif %}
                standing.first_date,
                standing.last_date,
                standing.repeat_orders,
                standing.first_ordered_on,
                standing.last_ordered_on,
                count(*) as customers,
                sum(standing.monetary_value) as revenue
            from standing
            {%- if memberships %}
                inner join {{ memberships }} as memberships
                    on standing.customer_number = memberships.customer_number
            {%- endif %}
            group by all

        ),

        alike_at_dates as (

            select
                numbered_dates.cutoff,
                {{ segment }}
                alike_for_a_time.repeat_orders,
                {{ days_of_history('alike_for_a_time', 'numbered_dates.cutoff') }},
                alike_for_a_time.customers,
                alike_for_a_time.revenue
            from alike_for_a_time
            inner join numbered_dates
                on
                    alike_for_a_time.first_date <= numbered_dates.number
                    and alike_for_a_time.last_date >= numbered_dates.number
                    {%- if memberships %}
                        and alike_for_a_time.valid_from <= numbered_dates.cutoff
                        and alike_for_a_time.valid_to > numbered_dates.cutoff
                    {%- endif %}

        )
    {%- else -%}
        histories as ({{ summed_histories_at(cutoffs, order_days) }}),

        alike_at_dates as (

            select
                histories.cutoff,
                {{ segment }}
                histories.repeat_orders,
                histories.last_order_days,
                histories.age_days,
                1 as customers,
                histories.monetary_value as revenue
            from histories
            {%- if memberships %}
                inner join {{ memberships }} as memberships
                    on
                        histories.customer_number = memberships.customer_number
                        and histories.cutoff >= memberships.valid_from
                        and histories.cutoff < memberships.valid_to
            {%- endif %}

        )
    {%- endif %}

    select
        cutoff,
        {{ segment }}
        repeat_orders,
        last_order_days,
        age_days,
        cast(sum(customers) as bigint) as customers,
        sum(revenue) as revenue
    from alike_at_dates
    group by all
{% endmacro %}


{# From the first order to the last one, and to the last day before the cut-off. #}
{% macro days_of_history(histories, cutoff) -%}
    {{ elapsed_days(histories ~ '.first_ordered_on', histories ~ '.last_ordered_on') }} as last_order_days,
    {{ elapsed_days(
        histories ~ '.first_ordered_on', 'cast(' ~ cutoff ~ " - interval '1' second as date)"
    ) }} as age_days
{%- endmacro %}


{% macro summed_histories_at(cutoffs, order_days) %}
    select
        cutoffs.cutoff,
        order_days.customer_number,
        count(*) - 1 as repeat_orders,
        {{ elapsed_days('min(order_days.ordered_on)', 'max(order_days.ordered_on)') }} as last_order_days,
        {{ elapsed_days(
            'min(order_days.ordered_on)', "cast(cutoffs.cutoff - interval '1' second as date)"
        ) }} as age_days,
        sum(order_days.monetary_value) as monetary_value
    from {{ cutoffs }} as cutoffs
    inner join {{ order_days }} as order_days
        on
            cutoffs.cutoff > order_days.valid_from
            and cutoffs.cutoff <= order_days.valid_to
    where {{ is_in_window('order_days.ordered_at', 'cutoffs.cutoff') }}
    group by cutoffs.cutoff, order_days.customer_number
{% endmacro %}


{# Whether an order is within the months before a cut-off that `observation_months` asks for. #}
{% macro is_in_window(ordered_at, cutoff) -%}
    {%- set months = observation_months(var('observation_months')) -%}
    {{ ordered_at ~ ' >= ' ~ cutoff ~ " - interval '" ~ months ~ "' month" if months else 'true' }}
{%- endmacro %}


{#
    A number of orders for cells of customers who are alike: up to ten as it is, beyond in steps of a tenth.
#}
{% macro order_step(orders) -%}
    case when {{ orders }} <= 10 then {{ orders }} else 11 + floor(10 * ln({{ orders }} / 10.0)) end
{%- endmacro %}


{#
    What `histories` at cut-offs will order, by the model of `value_models` that `fitted_as_of` names: the columns
    of `histories`, alive_probability, order_value, and expected_orders_<days>. What a living customer orders
    depends on age and number of orders alone, so it is computed once for all who share them.
#}
{% macro expected_of(histories, value_models) %}
    {%- set still_there = 'element.weight * power(1 - element.leaving, alike.repeat_orders)' %}
    select
        histories.*,
        {{ alive_probability('histories', 'value_models') }} as alive_probability,
        {%- for days in value_horizons() %}
            {{ alive_probability('histories', 'value_models') }} * living.orders_{{ days }} as expected_orders_{{ days }},
        {%- endfor %}
        value_models.p * (value_models.gamma + histories.monetary_value)
        / (value_models.p * (1 + histories.repeat_orders) + value_models.q - 1) as order_value
    from {{ histories }} as histories
    left join {{ value_models }} as value_models
        on histories.fitted_as_of = value_models.fitted_as_of
    left join (
        select
            alike.*
            {%- for days in value_horizons() %},
                {{ sum_over_elements(
                    'value_models.points',
                    still_there
                    ~ ' * (1 - power(1 + element.leaving * ' ~ days ~ ' / (value_models.alpha + alike.age_days), '
                    ~ '-value_models.r - alike.repeat_orders)) / element.leaving'
                ) }}
                / {{ sum_over_elements('value_models.points', still_there) }} as orders_{{ days }}
            {%- endfor %}
        from (
            select distinct
                fitted_as_of,
                repeat_orders,
                age_days
            from {{ histories }}
        ) as alike
        inner join {{ value_models }} as value_models on alike.fitted_as_of = value_models.fitted_as_of
    ) as living
        on
            histories.fitted_as_of = living.fitted_as_of
            and histories.repeat_orders = living.repeat_orders
            and histories.age_days = living.age_days
{% endmacro %}


{# 1 for who has not ordered again: in the model customers leave after a repeat order. #}
{% macro alive_probability(histories, value_models) -%}
    case
        when {{ histories }}.repeat_orders = 0 then case when {{ value_models }}.r is not null then 1.0 end
        else
            1 / (
                1 + {{ value_models }}.a / ({{ value_models }}.b + {{ histories }}.repeat_orders - 1)
                * power(
                    ({{ value_models }}.alpha + {{ histories }}.age_days)
                    / ({{ value_models }}.alpha + {{ histories }}.last_order_days),
                    {{ value_models }}.r + {{ histories }}.repeat_orders
                )
            )
    end
{%- endmacro %}


{# Up to so many kinds of customers at a cut-off, cells of a fit are exact. #}
{% macro most_exact_cells() %} {{ return(10000) }} {% endmacro %}
