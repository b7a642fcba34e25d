{{ config(materialized='incremental', full_refresh=false) }}

with

customer_facts as {{ not_materialized() }} (

    select * from {{ ref('int_customer_facts') }}

),

windows as (

    select * from {{ ref('champion_windows') }}

),

dates as (

    select distinct cutoff
    from windows

),

due as (

    select
        dates.cutoff,
        dates.cutoff - interval '112' day as base_from,
        dates.cutoff - interval '28' day as base_to
    from dates
    {%- if is_incremental() %}
        anti join {{ this }} as known on dates.cutoff = known.cutoff
    {%- endif %}

),

orders as (

    select
        known_at as ordered_at,
        lead(known_at, 1, {{ end_of_time() }}) over (
            partition by customer_number order by known_at
        ) as next_ordered_at
    from customer_facts
    where fact = 'order placed'

)

-- Of each customer the last order of the twelve weeks, if it is the last one up to their end.
select
    due.cutoff,
    count(*) as customers,
    count(*) filter (where orders.next_ordered_at < due.cutoff) as customers_again
from due
inner join orders
    on
        due.base_from <= orders.ordered_at
        and due.base_to > orders.ordered_at
        and due.base_to <= orders.next_ordered_at
group by 1
order by due.cutoff
