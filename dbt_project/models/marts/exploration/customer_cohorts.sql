with

customer_facts as {{ not_materialized() }} (

    select * from {{ ref('int_customer_facts') }}

),

cutoffs as (

    select * from {{ ref('int_cutoffs') }}
    where is_as_of

),

months_of_customers as ({{ months_of_customers('customer_facts', 'cutoffs') }}),

cohorts as (

    select
        customer_number,
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
    inner join cohorts on months.customer_number = cohorts.customer_number
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
