{%- set known = table_of_last_build('int_customer_versions') if goes_by_change() else none -%}
-- depends_on: {{ ref('int_losses') }}

with

orders as (

    select * from {{ ref('int_orders') }}
    where is_counted

),

changed as (

    select * from {{ ref('stg_changed_customers') }}

),

{% if known is not none -%}
    known as (

        select
            customer_id,
            min(customer_number) as customer_number,
            min(valid_from) as first_ordered_at
        from {{ known }}
        where
            customer_id in (select changed.customer_id from changed)
            or customer_number = (select max(newest.customer_number) from {{ known }} as newest)
        group by 1

    ),

    newest_known as (

        select
            first_ordered_at,
            customer_id
        from known
        order by customer_number desc
        limit 1

    ),

    first_orders as (

        select
            orders.customer_id,
            min(orders.ordered_at) as first_ordered_at
        from orders
        semi join changed on orders.customer_id = changed.customer_id
        group by 1

    ),

    out_of_order as (

        -- Customers have numbers in the order of their first orders.
        select changed.customer_id
        from changed
        left join known on changed.customer_id = known.customer_id
        left join first_orders on changed.customer_id = first_orders.customer_id
        left join newest_known on true
        where
            case
                when known.customer_id is not null
                    then first_orders.first_ordered_at is distinct from known.first_ordered_at
                else
                    (first_orders.first_ordered_at, changed.customer_id)
                    < (newest_known.first_ordered_at, newest_known.customer_id)
            end

    ),

    everybody as (

        -- To be numbered anew, if somebody is out of order.
        select customer_id from orders
        where exists (select 1 from out_of_order)
        union
        select customer_id from {{ known }}
        where exists (select 1 from out_of_order)
        union
        select customer_id from changed
        where exists (select 1 from out_of_order)

    )

    select
        changed.customer_id,
        known.customer_number
    from changed
    left join known on changed.customer_id = known.customer_id
    where not exists (select 1 from out_of_order)
    union all
    select
        everybody.customer_id,
        cast(null as integer) as customer_number
    from everybody
{%- else -%}
    nobody as (

        select changed.customer_id from changed
        semi join orders on changed.customer_id = orders.customer_id
        where false

    )

    select
        customer_id,
        cast(null as integer) as customer_number
    from nobody
{%- endif %}
