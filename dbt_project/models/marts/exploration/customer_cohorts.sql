with

orders as (

    select * from {{ ref('int_orders') }}
    where is_counted

),

cutoffs as (

    select * from {{ ref('int_cutoffs') }}
    where is_as_of

),

months_of_customers as (

    select
        orders.customer_id,
        cast(date_trunc('month', orders.ordered_at) as date) as month,
        sum(orders.monetary_value) as revenue
    from orders
    inner join cutoffs on orders.ordered_at < cutoffs.cutoff
    group by 1, 2

),

cohorts as (

    select
        customer_id,
        min(month) as cohort
    from months_of_customers
    group by 1

),

aggregated as (

    select
        cohorts.cohort,
        cast(
            12 * (extract(year from months.month) - extract(year from cohorts.cohort))
            + extract(month from months.month) - extract(month from cohorts.cohort) as integer
        ) as months_since,
        count(*) as active_customers,
        cast(sum(months.revenue) as decimal(18, 2)) as revenue
    from months_of_customers as months
    inner join cohorts on months.customer_id = cohorts.customer_id
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
