{%- set known = table_of_last_build('int_order_values') -%}
-- depends_on: {{ ref('int_late_facts') }}

with

orders as (

    select * from {{ ref('int_orders') }}
    where is_counted

),

cutoffs as (

    select cutoff as as_of from {{ ref('int_cutoffs') }}
    where is_as_of

)

-- What the next build holds against its own orders: hence after int_late_facts.
select
    {{ "(select max(known.build) from " ~ known ~ " as known) + 1" if known is not none else 1 }}
        as build,
    cutoffs.as_of,
    cast(orders.ordered_at as date) as ordered_on,
    orders.monetary_value,
    count(*) as orders,
    {{ sql_string(vars_of_orders()) }} as vars_of_orders
from orders
inner join cutoffs on orders.ordered_at < cutoffs.as_of
group by 1, 2, 3, 4
