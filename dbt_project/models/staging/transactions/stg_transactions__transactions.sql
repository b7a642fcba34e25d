{{ config(enabled=var('source') in ['transactions', 'relations']) }}

with

source as (

    select
        *,
        {{ normalized_customer_id('customer_id') }} as normalized_id
    from {{ incoming_transactions() }}

),

filled as (

    -- Cells that are blank on one line of an order stand on another. An order belongs to the
    -- customer of its first row that can be accepted.
    select
        *,
        case
            when order_id is not null
                then
                    first_value(normalized_id) over (
                        partition by order_id
                        order by
                            normalized_id is null,
                            coalesce(amount < 0, false) or ordered_at is null,
                            ordered_at nulls last,
                            normalized_id nulls last
                    )
        end as id_of_order,
        case when order_id is not null then min(ordered_at) over of_order end as time_of_order,
        case when order_id is not null then max(order_status) over of_order end
            as status_of_order,
        case when order_id is not null then max(state) over of_order end as state_of_order,
        case when order_id is not null then max(city) over of_order end as city_of_order
    from source
    window of_order as (partition by order_id)

),

named as (

    select
        order_id,
        amount,
        refunded_amount,
        items,
        category,
        delivered_at,
        promised_at,
        review_score,
        reviewed_at,
        id_of_order,
        coalesce(normalized_id, id_of_order) as filled_id,
        coalesce(ordered_at, time_of_order) as ordered_at,
        coalesce(order_status, status_of_order) as order_status,
        coalesce(state, state_of_order) as state,
        coalesce(city, city_of_order) as city,
        (normalized_id is null and id_of_order is not null)
        or (ordered_at is null and time_of_order is not null)
        or (order_status is null and status_of_order is not null)
        or (state is null and state_of_order is not null)
        or (city is null and city_of_order is not null) as is_continuation,
        coalesce(customer_id != normalized_id, false) as is_customer_id_normalized
    from filled

),

known as (

    select
        *,
        case when not {{ names_nobody('filled_id') }} then filled_id end as customer_id
    from named

),

ordered as (

    select
        *,
        {{ order_of_transaction('customer_id') }} as order_key
    from known

),

dated as (

    -- The first rows that are not negative are the purchase.
    select
        *,
        min(ordered_at) over of_order as first_at,
        min(case when coalesce(amount, 0) >= 0 then cast(ordered_at as date) end) over of_order
            as bought_on
    from ordered
    window of_order as (partition by order_key, customer_id)

),

summed as (

    -- A negative row of a later day is a return; one of the same day a discount, as long as the
    -- order does not end below zero.
    select
        *,
        coalesce(amount < 0 and cast(ordered_at as date) > bought_on, false) as is_later_return,
        sum(
            case
                when amount < 0 and cast(ordered_at as date) > bought_on then 0 else amount
            end
        ) over (partition by order_key, customer_id) as value_of_order
    from dated

),

renamed as (

    select
        customer_id,
        ordered_at,
        order_key as order_id,
        coalesce(amount, 0) as amount,
        coalesce(abs(refunded_amount), 0) as refunded_amount,
        case
            when is_later_return then ordered_at
            when value_of_order < 0 then first_at
        end as returned_at,
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
        coalesce(amount != round(amount, {{ decimals_of_orders() }}), false) as is_amount_rounded,
        coalesce(amount < 0 and value_of_order >= 0 and not is_later_return, false) as is_discount,
        coalesce(refunded_amount != 0, false) as is_refunded,
        order_id is null as is_order_id_missing,
        order_status is null as is_status_missing,
        items is null as is_number_of_items_missing,
        coalesce(delivered_at < ordered_at, false) as is_delivered_before_ordered,
        review_score is null as is_score_missing,
        coalesce(review_score not between 1 and 5, false) as is_score_out_of_range,
        review_score is not null and reviewed_at is null as is_undated,
        coalesce(reviewed_at < ordered_at, false) as is_reviewed_before_ordered,
        is_continuation,
        is_customer_id_normalized,
        case
            when customer_id is null then 'no_customer'
            when ordered_at is null then 'no_order_time'
            {%- if var('returns') == 'set_aside' %}
                when is_later_return or value_of_order < 0 then 'negative_money'
            {%- endif %}
            when filled_id != id_of_order then 'other_customer'
        end as rejection_reason
    from summed

)

select
    *,
    coalesce(returned_at is not null and rejection_reason is null, false) as is_return
from renamed
