with

orders as (

    select * from {{ ref('int_orders') }}
    where is_counted

),

cutoffs as (

    select * from {{ ref('int_cutoffs') }}
    where is_as_of

),

known_orders as (

    select
        orders.customer_id,
        orders.monetary_value,
        cast(date_trunc('month', orders.ordered_at) as date) as month,
        cast(
            date_trunc('month', min(orders.ordered_at) over (partition by orders.customer_id))
            as date
        ) as cohort
    from orders
    inner join cutoffs on orders.ordered_at < cutoffs.cutoff

),

aggregated as (

    select
        cohort,
        cast(
            12 * (extract(year from month) - extract(year from cohort))
            + extract(month from month) - extract(month from cohort) as integer
        ) as months_since,
        count(distinct customer_id) as active_customers,
        cast(sum(monetary_value) as decimal(18, 2)) as revenue
    from known_orders
    group by 1, 2

),

sized as (

    -- Everyone of a cohort is active in its own month.
    select
        *,
        first_value(active_customers) over (partition by cohort order by months_since)
            as customers
    from aggregated

)

select
    cohort,
    months_since,
    customers,
    active_customers,
    active_customers / customers as retention,
    revenue
from sized
order by cohort, months_since
