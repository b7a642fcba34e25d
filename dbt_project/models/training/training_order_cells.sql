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

alike as {{ materialized() }} ({{ alike_customers_at('due', 'order_days') }}),

sizes as (

    -- Few kinds of customers are cells as they are; of more, times are counted in fiftieths.
    select
        cutoff,
        case
            when count(*) <= {{ most_exact_cells() }} then 1
            else ceil((max(age_days) + 1) / 50.0)
        end as days
    from alike
    group by 1

),

placed as (

    select
        alike.*,
        case
            when sizes.days = 1 then alike.repeat_orders
            else {{ order_step('alike.repeat_orders') }}
        end as order_step,
        floor(alike.last_order_days / sizes.days) as last_order_step,
        floor(alike.age_days / sizes.days) as age_step
    from alike
    inner join sizes on alike.cutoff = sizes.cutoff

),

counted as (

    select
        cutoff,
        order_step,
        last_order_step,
        age_step,
        sum(customers) as customers,
        -- One mean for a step, so that a fit computes with few different numbers.
        cast(sum(sum(customers * repeat_orders)) over of_step as double)
        / sum(sum(customers)) over of_step as repeat_orders,
        sum(customers * last_order_days) as last_order_days,
        sum(customers * age_days) as age_days
    from placed
    group by 1, 2, 3, 4
    window of_step as (partition by cutoff, order_step)

)

select
    cutoff,
    cast(
        row_number() over (
            partition by cutoff order by order_step, last_order_step, age_step
        ) as integer
    ) as cell,
    cast(customers as bigint) as customers,
    repeat_orders,
    cast(last_order_days as double) / customers as last_order_days,
    cast(age_days as double) / customers as age_days
from counted
