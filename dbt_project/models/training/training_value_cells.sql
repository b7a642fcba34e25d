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

histories as ({{ order_histories_at('due', 'order_days') }}),

valued as (

    select
        cutoff,
        repeat_orders + 1 as orders,
        ln(cast(monetary_value as double) / (repeat_orders + 1)) as log_order_value
    from histories
    where monetary_value > 0

),

stepped as (

    select
        *,
        {{ order_step('orders') }} as order_step,
        floor(50 * log_order_value) as value_step
    from valued

),

counted as (

    select
        cutoff,
        order_step,
        value_step,
        count(*) as customers,
        cast(sum(sum(orders)) over of_step as double) / sum(count(*)) over of_step as orders,
        {{ mean_of_decimals('log_order_value') }} as log_order_value
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
