with

orders as (

    select * from {{ ref('int_orders') }}
    where is_counted

),

cutoffs as (

    select cutoff from {{ ref('int_cutoffs') }}

),

order_days as (

    select
        customer_id,
        cast(ordered_at as date) as ordered_on,
        lag(cast(ordered_at as date)) over (
            partition by customer_id order by cast(ordered_at as date)
        ) as ordered_before_on
    from orders

),

gaps as (

    -- Bounded by days, however many orders there are.
    select
        ordered_on,
        {{ elapsed_days('ordered_before_on', 'ordered_on') }} as gap_days,
        count(*) as orders
    from order_days
    where ordered_on > ordered_before_on
    group by 1, 2

),

known as (

    select
        cutoffs.cutoff,
        gaps.gap_days,
        sum(gaps.orders) as orders
    from cutoffs
    inner join gaps on cutoffs.cutoff >= gaps.ordered_on + interval '1' day
    group by 1, 2

),

accumulated as (

    select
        cutoff,
        gap_days,
        sum(orders) over (partition by cutoff order by gap_days) as orders_up_to_it,
        sum(orders) over (partition by cutoff) as orders
    from known

),

medians as (

    select
        cutoff,
        min(gap_days) as reorder_days
    from accumulated
    where 2 * orders_up_to_it >= orders and orders >= 30
    group by 1

)

select
    cutoffs.cutoff,
    cast(medians.reorder_days as integer) as reorder_days
from cutoffs
left join medians on cutoffs.cutoff = medians.cutoff
order by cutoffs.cutoff
