{{ config(enabled=var('source') == 'transactions') }}

with

source as (

    select * from {{ source('transactions', 'transactions') }}

),

with_customers_of_orders as (

    -- An order belongs to the customer of its first row that can be accepted.
    select
        *,
        case
            when order_id is not null
                then
                    first_value(customer_id) over (
                        partition by order_id
                        order by
                            coalesce(amount < 0, false)
                            or customer_id is null
                            or ordered_at is null,
                            ordered_at nulls last,
                            customer_id nulls last
                    )
        end as first_customer_id
    from source

),

renamed as (

    select
        customer_id,
        ordered_at,
        -- Without a number of its own an order is what a customer buys at one moment.
        coalesce(order_id, customer_id || ' at ' || cast(ordered_at as varchar)) as order_id,
        coalesce(amount, 0) as amount,
        coalesce(order_status, 'unknown') as order_status,
        {{ "coalesce(items, 0)" if is_known_of_transactions('items') else "items" }} as items,
        category,
        state,
        city,
        case when delivered_at >= ordered_at then delivered_at end as delivered_at,
        promised_at,
        case
            when review_score between 1 and 5 and reviewed_at is not null then review_score
        end as review_score,
        reviewed_at,

        amount is null as is_amount_missing,
        order_id is null as is_order_id_missing,
        order_status is null as is_status_missing,
        items is null as is_number_of_items_missing,
        coalesce(delivered_at < ordered_at, false) as is_delivered_before_ordered,
        review_score is null as is_score_missing,
        coalesce(review_score not between 1 and 5, false) as is_score_out_of_range,
        review_score is not null and reviewed_at is null as is_undated,
        coalesce(reviewed_at < ordered_at, false) as is_reviewed_before_ordered,
        case
            when customer_id is null then 'no_customer'
            when ordered_at is null then 'no_order_time'
            when amount < 0 then 'negative_money'
            when customer_id != first_customer_id then 'other_customer'
        end as rejection_reason
    from with_customers_of_orders

)

select * from renamed
