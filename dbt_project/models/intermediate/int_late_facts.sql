{{ config(materialized='incremental', full_refresh=false) }}

{%- set known = table_of_last_build('int_order_values') %}

with

orders as (

    select * from {{ ref('int_orders') }}
    where is_counted

),

cutoffs as (

    select cutoff as as_of from {{ ref('int_cutoffs') }}
    where is_as_of

),

order_values as (

    select
        cast(ordered_at as date) as ordered_on,
        monetary_value,
        count(*) as orders
    from orders
    group by 1, 2

),

{% if known is not none -%}
    known as (

        -- Other vars count other orders: that is no fact that has changed.
        select * from {{ known }}
        where
            vars_of_orders = {{ sql_string(vars_of_orders()) }}
            {%- if is_incremental() %}
                -- A build that was killed has held them against its orders already.
                and build not in (select reported.previous_build from {{ this }} as reported)
            {%- endif %}

    ),
{%- else -%}
    known as (

        select
            0 as build,
            cutoffs.as_of,
            order_values.*
        from cutoffs
        cross join order_values
        where false

    ),
{%- endif %}

last_build as (

    select
        max(build) as build,
        max(as_of) as as_of
    from known

),

side_by_side as (

    -- Values of one day that as many orders have as before are the same orders, or make no
    -- difference.
    select
        last_build.build as previous_build,
        last_build.as_of as previous_as_of,
        coalesce(order_values.ordered_on, known.ordered_on) as ordered_on,
        coalesce(order_values.monetary_value, known.monetary_value) as monetary_value,
        coalesce(order_values.orders, 0) - coalesce(known.orders, 0) as orders
    from order_values
    full outer join known
        on
            order_values.ordered_on = known.ordered_on
            and order_values.monetary_value = known.monetary_value
    inner join last_build
        on coalesce(order_values.ordered_on, known.ordered_on) < cast(last_build.as_of as date)

)

select
    side_by_side.previous_build,
    cutoffs.as_of,
    side_by_side.previous_as_of,
    side_by_side.ordered_on,
    cast(sum(greatest(side_by_side.orders, 0)) as bigint) as orders_gained,
    cast(sum(greatest(side_by_side.orders, 0) * side_by_side.monetary_value) as decimal(18, 2))
        as revenue_gained,
    cast(sum(greatest(-side_by_side.orders, 0)) as bigint) as orders_lost,
    cast(sum(greatest(-side_by_side.orders, 0) * side_by_side.monetary_value) as decimal(18, 2))
        as revenue_lost
from side_by_side
cross join cutoffs
where side_by_side.orders != 0
group by 1, 2, 3, 4
order by side_by_side.ordered_on
