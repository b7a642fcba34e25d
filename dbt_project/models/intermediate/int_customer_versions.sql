with

facts as (

    select * from {{ ref('int_customer_facts') }}

),

moments as (

    select
        customer_id,
        known_at,
        max(ordered_at) as ordered_at,
        sum(orders) as orders,
        sum(monetary_value) as monetary_value,
        sum(items) as items,
        sum(delivered_orders) as delivered_orders,
        sum(delivery_days) as delivery_days,
        sum(scored_orders) as scored_orders,
        sum(review_score) as review_score
    from facts
    group by 1, 2

),

customers as (

    -- Numbers in the order of first facts: they sort and join several times faster than ids.
    select
        customer_id,
        cast(row_number() over (order by min(known_at), customer_id) as integer)
            as customer_number
    from moments
    group by 1

),

numbered as (

    select
        moments.*,
        customers.customer_number
    from moments
    inner join customers on moments.customer_id = customers.customer_id

),

accumulated as (

    select
        customer_id,
        customer_number,
        known_at as valid_from,
        coalesce(
            lead(known_at) over (partition by customer_number order by known_at),
            {{ end_of_time() }}
        ) as valid_to,
        max(ordered_at) over so_far as last_ordered_at,
        cast(sum(orders) over so_far as integer) as frequency,
        cast(sum(monetary_value) over so_far as decimal(18, 2)) as monetary_value,
        cast(sum(items) over so_far as integer) as items,
        cast(sum(delivered_orders) over so_far as integer) as delivered_orders,
        cast(sum(delivery_days) over so_far as decimal(18, 6)) as delivery_days_sum,
        cast(sum(scored_orders) over so_far as integer) as scored_orders,
        cast(sum(review_score) over so_far as decimal(18, 6)) as review_score_sum
    from numbered
    window so_far as (
        partition by customer_number order by known_at
        rows between unbounded preceding and current row
    )

)

select * from accumulated
