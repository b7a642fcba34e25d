{# What customers do in the next days after an evaluation date is looked at over these numbers of days. #}
{% macro outcome_horizons() %} {{ return([30, 90, 180]) }} {% endmacro %}


{#
    Evaluation dates with a horizon that has passed by `as_of`, as CTE: nothing later than `as_of` is used. `known` is
    an alias of what an incremental model has already, or none.
#}
{% macro followed_dates(cutoffs, horizons=none) %}
    select
        evaluation_dates.cutoff,
        horizons.horizon_days,
        evaluation_dates.cutoff + horizons.horizon_days * interval '1' day as followed_to
    from {{ cutoffs }} as evaluation_dates
    cross join (
        {%- for days in horizons or outcome_horizons() %}
            select {{ days }} as horizon_days
            {{ 'union all' if not loop.last }}
        {%- endfor %}
    ) as horizons
    inner join {{ cutoffs }} as published_state
        on
            published_state.is_as_of
            and published_state.cutoff
            >= evaluation_dates.cutoff + horizons.horizon_days * interval '1' day
    where evaluation_dates.is_evaluation_date
{% endmacro %}


{#
    What known customers buy within the horizons, of `due`: one row per evaluation date, horizon and customer who buys.
    Only orders after the first one of a customer: before the first one nobody is known.
#}
{% macro later_purchases(customer_facts, due) %}
    with

    -- On its own: else DuckDB may join all first orders with all dates before it looks for later ones.
    later_orders as {{ materialized() }} (

        select * from (
            select
                customer_number,
                known_at as ordered_at,
                orders,
                monetary_value,
                min(known_at) over (partition by customer_number) as first_ordered_at
            from {{ customer_facts }}
            where fact = 'order placed'
        ) as placed
        where ordered_at > first_ordered_at

    )

    select
        due.cutoff,
        due.horizon_days,
        later_orders.customer_number,
        sum(later_orders.orders) as orders,
        sum(later_orders.monetary_value) as revenue
    from later_orders
    inner join {{ due }} as due
        on
            due.cutoff <= later_orders.ordered_at
            and due.followed_to > later_orders.ordered_at
            and due.cutoff > later_orders.first_ordered_at
    group by 1, 2, 3
{% endmacro %}


{# Whether so many customers of either half bought that a loss can be told from chance. #}
{% macro is_loss_assessable(scores) -%}
    ({{ scores }}.auc_loss is not null and {{ scores }}.least_buyers_of_half >= 25)
{%- endmacro %}


{# An end of the Wilson interval of a share, at 95 %; `sign` is - or +. #}
{% macro wilson(part, whole, sign) -%}
    {%- set z2 = 3.8414588 -%}
    (
        {{ part }} + {{ z2 / 2 }} {{ sign }} 1.9599640 * sqrt(
            {{ part }} * (1 - {{ part }} / cast({{ whole }} as double)) + {{ z2 / 4 }}
        )
    ) / ({{ whole }} + {{ z2 }})
{%- endmacro %}
