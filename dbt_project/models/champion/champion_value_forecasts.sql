{{ config(materialized='incremental', full_refresh=false) }}

with

order_days as {{ not_materialized() }} (

    select * from {{ ref('int_order_days') }}

),

cutoffs as (

    select * from {{ ref('int_cutoffs') }}

),

intervals as (

    select * from {{ ref('champion_validity_intervals') }}

),

value_models as (

    select * from {{ ref('training_value_models') }}
    where r is not null

),

followed as ({{ followed_dates('cutoffs', value_horizons()) }}),

due as (

    select followed.*
    from followed
    {%- if is_incremental() %}
        anti join {{ this }} as known
            on
                followed.cutoff = known.evaluation_date
                and followed.horizon_days = known.horizon_days
    {%- endif %}

),

dates as (

    select distinct due.cutoff
    from due
    inner join value_models on due.cutoff = value_models.fitted_as_of

),

known_histories as ({{ order_histories_at('dates', 'order_days') }}),

histories as {{ materialized() }} (

    -- By the model of that date, which knows nothing later.
    select
        *,
        cutoff as fitted_as_of
    from known_histories

),

expected as ({{ expected_of('histories', 'value_models') }}),

customers as (

    select
        customer_number,
        any_value(customer_id) as customer_id
    from order_days
    group by 1

),

members as {{ materialized() }} (

    select
        expected.cutoff,
        expected.customer_number,
        intervals.segment_id,
        {%- for days in value_horizons() %}
            expected.expected_orders_{{ days }},
        {%- endfor %}
        expected.order_value
    from expected
    inner join customers on expected.customer_number = customers.customer_number
    inner join intervals
        on
            customers.customer_id = intervals.customer_id
            and expected.cutoff >= intervals.valid_from
            and expected.cutoff < coalesce(intervals.valid_to, {{ end_of_time() }})

),

forecast as (

    {% for days in value_horizons() %}
        select
            cutoff,
            segment_id,
            {{ days }} as horizon_days,
            count(*) as customers,
            sum({{ decimal_of_double('expected_orders_' ~ days, 9) }}) as expected_orders,
            sum({{ decimal_of_double('expected_orders_' ~ days ~ ' * order_value', 6) }})
                as expected_revenue
        from members
        group by 1, 2
        {{ 'union all' if not loop.last }}
    {% endfor %}

),

later_days as (

    -- Days with orders as known at the end of the horizon: what was returned by then is none.
    select
        due.cutoff,
        due.horizon_days,
        order_days.customer_number,
        order_days.monetary_value
    from due
    inner join order_days
        on
            due.cutoff <= order_days.ordered_at
            and due.followed_to > order_days.valid_from
            and due.followed_to <= order_days.valid_to

),

came as (

    select
        later_days.cutoff,
        later_days.horizon_days,
        members.segment_id,
        count(*) as orders,
        sum(later_days.monetary_value) as revenue
    from later_days
    inner join members
        on
            later_days.cutoff = members.cutoff
            and later_days.customer_number = members.customer_number
    group by 1, 2, 3

)

select
    forecast.cutoff as evaluation_date,
    cast(forecast.horizon_days as integer) as horizon_days,
    forecast.segment_id,
    cast(forecast.customers as bigint) as customers,
    cast(forecast.expected_orders as double) as expected_orders,
    cast(coalesce(came.orders, 0) as bigint) as orders,
    cast(forecast.expected_revenue as double) as expected_revenue,
    cast(coalesce(came.revenue, 0) as decimal(18, 2)) as revenue
from due
inner join forecast
    on
        due.cutoff = forecast.cutoff
        and due.horizon_days = forecast.horizon_days
left join came
    on
        forecast.cutoff = came.cutoff
        and forecast.horizon_days = came.horizon_days
        and forecast.segment_id = came.segment_id
order by evaluation_date, forecast.horizon_days, forecast.segment_id
