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
    {%- if not observation_months(var('observation_months')) and var('returns') != 'subtract' %}
        {{- running_histories_at(cutoffs, order_days) }}
    {%- else %}
        {{- summed_histories_at(cutoffs, order_days) }}
    {%- endif %}
{% endmacro %}


{% macro running_histories_at(cutoffs, order_days) %}
    select
        cutoffs.cutoff,
        histories.customer_number,
        histories.repeat_orders,
        {{ elapsed_days('histories.first_ordered_on', 'histories.last_ordered_on') }} as last_order_days,
        {{ elapsed_days(
            'histories.first_ordered_on', "cast(cutoffs.cutoff - interval '1' second as date)"
        ) }} as age_days,
        histories.monetary_value
    from {{ cutoffs }} as cutoffs
    inner join (
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
    ) as histories
        on
            cutoffs.cutoff > histories.valid_from
            and cutoffs.cutoff <= histories.valid_to
{% endmacro %}


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
