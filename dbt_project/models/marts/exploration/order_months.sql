with

orders as (

    select * from {{ ref('int_orders') }}

),

customer_facts as {{ not_materialized() }} (

    select * from {{ ref('int_customer_facts') }}

),

cutoffs as (

    select * from {{ ref('int_cutoffs') }}
    where is_as_of

),

months as (

    select
        cast(date_trunc('month', orders.ordered_at) as date) as month,
        count(*) as orders,
        count(*) filter (where orders.is_counted) as counted_orders,
        cast(
            coalesce(sum(case when orders.is_counted then orders.monetary_value end), 0)
            as decimal(18, 2)
        ) as revenue
    from orders
    inner join cutoffs on orders.ordered_at < cutoffs.cutoff
    group by 1

),

months_of_customers as ({{ months_of_customers('customer_facts', 'cutoffs') }}),

active as (

    select
        month,
        count(*) as customers
    from months_of_customers
    group by 1

),

first_months as (

    select
        customer_number,
        min(month) as month
    from months_of_customers
    group by 1

),

arrivals as (

    select
        month,
        count(*) as new_customers
    from first_months
    group by 1

),

aggregated as (

    select
        months.month,
        months.orders,
        months.counted_orders,
        coalesce(active.customers, 0) as customers,
        coalesce(arrivals.new_customers, 0) as new_customers,
        months.revenue
    from months
    left join active on months.month = active.month
    left join arrivals on months.month = arrivals.month

)

select
    *,
    cast(revenue as double) / nullif(counted_orders, 0) as average_order_value
from aggregated
order by month
