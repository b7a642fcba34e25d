with

orders as (

    select * from {{ ref('int_orders') }}

),

cutoffs as (

    select * from {{ ref('int_cutoffs') }}
    where is_as_of

),

first_order as (

    select cast(cast(min(ordered_at) as date) as timestamp) as first_day from orders

),

days as (

    select {{ every('1 day', 'first_order.first_day', 'cutoffs.cutoff') }} as day
    from first_order
    cross join cutoffs

)

select cast(day as date) as day from days
order by day
