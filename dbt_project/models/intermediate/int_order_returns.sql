{%- set subtracts = var('returns') == 'subtract' -%}
with {{ 'recursive' if subtracts }}

orders as (

    select * from {{ ref('int_orders') }}

),

order_returns as (

    select * from {{ ref('stg_order_returns') }}

),

{% if not subtracts -%}
    settled as (

        -- Without `returns: subtract` there are none.
        select
            order_returns.order_id,
            order_returns.customer_id,
            order_returns.returned_at,
            order_returns.monetary_value as value_returned,
            orders.monetary_value = order_returns.monetary_value as is_whole,
            cast(null as timestamp) as last_left_at
        from order_returns
        inner join orders on order_returns.order_id = orders.order_id

    )
{%- else -%}
    numbered as (

        select
            order_returns.customer_id,
            order_returns.order_id,
            order_returns.returned_at,
            order_returns.monetary_value,
            named.order_id is not null as names_its_order,
            cast(
                row_number() over (
                    partition by order_returns.customer_id
                    order by order_returns.returned_at, order_returns.order_id
                ) as integer
            ) as turn
        from order_returns
        left join orders as named on order_returns.order_id = named.order_id

    ),

    -- What is left of each order of such a customer after one return after the other. A return takes
    -- back the order that it names; another one the newest orders before it, as far as it reaches.
    turns as (

        select
            orders.customer_id,
            orders.order_id,
            orders.ordered_at,
            orders.monetary_value as value_of_order,
            orders.monetary_value as value_left,
            cast(0 as decimal(18, 2)) as value_returned,
            cast(null as timestamp) as returned_at,
            cast(0 as integer) as turn
        from orders
        where
            orders.is_counted
            and orders.customer_id in (select numbered.customer_id from numbered)
        union all
        select
            customer_id,
            order_id,
            ordered_at,
            value_of_order,
            cast(value_left - value_returned as decimal(18, 2)) as value_left,
            value_returned,
            returned_at,
            turn
        from (
            select
                turns.customer_id,
                turns.order_id,
                turns.ordered_at,
                turns.value_of_order,
                turns.value_left,
                numbered.returned_at,
                numbered.turn,
                case
                    when numbered.names_its_order and turns.order_id != numbered.order_id then 0
                    when turns.ordered_at > numbered.returned_at then 0
                    else turns.value_left
                end as value_open,
                cast(
                    greatest(
                        least(
                            value_open,
                            numbered.monetary_value - coalesce(
                                sum(value_open) over (
                                    partition by turns.customer_id
                                    order by turns.ordered_at desc, turns.order_id desc
                                    rows between unbounded preceding and 1 preceding
                                ), 0
                            )
                        ), 0
                    ) as decimal(18, 2)
                ) as value_returned
            from turns
            inner join numbered
                on
                    turns.customer_id = numbered.customer_id
                    and turns.turn + 1 = numbered.turn
        ) as taken

    ),

    standing as (

        -- An order of which nothing is left counts no more.
        select
            *,
            value_of_order > 0 and value_left = 0 as is_whole,
            max(
                case
                    when ordered_at <= returned_at and not (value_of_order > 0 and value_left = 0)
                        then ordered_at
                end
            ) over (partition by customer_id, turn) as last_ordered_at
        from turns
        where turn > 0

    ),

    -- Returns of one moment are known together: after the last of them least is left.
    settled as (

        select
            *,
            min(last_ordered_at) over (partition by customer_id, returned_at) as last_left_at
        from standing

    )
{%- endif %}

select
    order_id,
    customer_id,
    returned_at,
    cast(sum(value_returned) as decimal(18, 2)) as monetary_value,
    max(case when is_whole then 1 else 0 end) = 1 as is_whole,
    min(last_left_at) as last_ordered_at
from settled
where value_returned > 0
group by 1, 2, 3
