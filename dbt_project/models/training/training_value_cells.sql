{{ config(materialized='incremental', full_refresh=false) }}

with

order_days as {{ not_materialized() }} (

    select * from {{ ref('int_order_days') }}

),

due as (

    select cutoff from {{ ref('int_cutoffs') }}
    where is_evaluation_date
    {%- if is_incremental() %}
        and cutoff > (
            select coalesce(max(known.cutoff), {{ start_of_time() }}) from {{ this }} as known
        )
    {%- endif %}

),

numbered_dates as ({{ numbered_dates('due') }}),

{% if do_histories_run_on() -%}
    known_histories as ({{ running_histories('order_days') }}),

    histories as ({{ standing_at('numbered_dates', 'known_histories') }}),
{%- else -%}
    known_histories as ({{ order_histories_at('due', 'order_days') }}),

    histories as (

        select
            known_histories.*,
            numbered_dates.number as first_date,
            numbered_dates.number as last_date
        from known_histories
        inner join numbered_dates on known_histories.cutoff = numbered_dates.cutoff

    ),
{%- endif %}

valued as (

    select
        first_date,
        last_date,
        repeat_orders + 1 as orders,
        ln(cast(monetary_value as double) / (repeat_orders + 1)) as log_order_value
    from histories
    where monetary_value > 0

),

counted_for_a_time as (

    select
        first_date,
        last_date,
        orders,
        floor(50 * log_order_value) as value_step,
        count(*) as customers,
        sum({{ decimal_of_double('log_order_value', 6) }}) as log_order_value
    from valued
    group by 1, 2, 3, 4

),

stepped as (

    select
        numbered_dates.cutoff,
        {{ order_step('counted_for_a_time.orders') }} as order_step,
        counted_for_a_time.value_step,
        counted_for_a_time.customers,
        counted_for_a_time.customers * counted_for_a_time.orders as orders,
        counted_for_a_time.log_order_value
    from counted_for_a_time
    inner join numbered_dates
        on
            counted_for_a_time.first_date <= numbered_dates.number
            and counted_for_a_time.last_date >= numbered_dates.number

),

counted as (

    select
        cutoff,
        order_step,
        value_step,
        cast(sum(customers) as bigint) as customers,
        cast(sum(sum(orders)) over of_step as double) / sum(sum(customers)) over of_step as orders,
        cast(sum(log_order_value) as double) / sum(customers) as log_order_value
    from stepped
    group by 1, 2, 3
    window of_step as (partition by cutoff, order_step)

)

select
    cutoff,
    cast(
        row_number() over (partition by cutoff order by order_step, value_step) as integer
    ) as cell,
    customers,
    orders,
    log_order_value
from counted
