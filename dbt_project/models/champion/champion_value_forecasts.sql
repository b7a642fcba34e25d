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

customers as (

    select
        customer_number,
        customer_id
    from {{ ref('int_customer_versions') }}
    where valid_to = {{ end_of_time() }}

),

memberships as {{ materialized() }} (

    select
        customers.customer_number,
        intervals.segment_id,
        intervals.valid_from,
        coalesce(intervals.valid_to, {{ end_of_time() }}) as valid_to
    from intervals
    inner join customers on intervals.customer_id = customers.customer_id

),

-- Customers of a segment with the same times and number of orders are expected to order the same,
-- of a value that grows in a line with what they have spent.
alike as {{ materialized() }} ({{ alike_customers_at('dates', 'order_days', 'memberships') }}),

histories as (

    -- By the model of that date, which knows nothing later.
    select
        *,
        cutoff as fitted_as_of,
        cast(revenue as double) / customers as monetary_value
    from alike

),

expected as {{ materialized() }} ({{ expected_of('histories', 'value_models') }}),

forecast as (

    {% for days in value_horizons() %}
        select
            cutoff,
            segment_id,
            {{ days }} as horizon_days,
            sum(customers) as customers,
            sum({{ decimal_of_double('customers * expected_orders_' ~ days, 9) }})
                as expected_orders,
            sum({{
                decimal_of_double('customers * expected_orders_' ~ days ~ ' * order_value', 6)
            }}) as expected_revenue
        from expected
        group by 1, 2
        {{ 'union all' if not loop.last }}
    {% endfor %}

),

days_of_the_known as {{ materialized() }} (

    -- On its own: few customers order again, and all days are too many to meet the dates.
    select
        *,
        min(valid_from) over (partition by customer_number) as first_known_at
    from order_days
    qualify ordered_at > first_known_at

),

later_days as (

    -- Days with orders as known at the end of the horizon: what was returned by then is none.
    select
        due.cutoff,
        due.horizon_days,
        days_of_the_known.customer_number,
        days_of_the_known.monetary_value
    from due
    inner join days_of_the_known
        on
            due.cutoff <= days_of_the_known.ordered_at
            and due.followed_to > days_of_the_known.valid_from
            and due.followed_to <= days_of_the_known.valid_to

),

of_known as (

    select later_days.*
    from later_days
    semi join order_days as known
        on
            later_days.customer_number = known.customer_number
            and later_days.cutoff > known.valid_from
            and later_days.cutoff <= known.valid_to
            and {{ is_in_window('known.ordered_at', 'later_days.cutoff') }}

),

came as (

    select
        of_known.cutoff,
        of_known.horizon_days,
        memberships.segment_id,
        count(*) as orders,
        sum(of_known.monetary_value) as revenue
    from of_known
    inner join dates on of_known.cutoff = dates.cutoff
    inner join memberships
        on
            of_known.customer_number = memberships.customer_number
            and of_known.cutoff >= memberships.valid_from
            and of_known.cutoff < memberships.valid_to
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
