{{ config(materialized='view') }}

with

customer_versions as (

    select * from {{ ref('int_customer_versions') }}

),

cutoffs as (

    select * from {{ ref('int_cutoffs') }}

),

known_at_cutoffs as (

    select
        cutoffs.cutoff,
        customer_versions.customer_id,
        cast(
            date_sub('day', customer_versions.last_ordered_at, cutoffs.cutoff) as integer
        ) as recency_days,
        customer_versions.frequency,
        customer_versions.monetary_value,
        case
            when customer_versions.scored_orders > 0
                then customer_versions.review_score_sum / customer_versions.scored_orders
        end as review_score,
        customer_versions.items / customer_versions.frequency as basket_size,
        case
            when customer_versions.delivered_orders > 0
                then customer_versions.delivery_days_sum / customer_versions.delivered_orders
        end as delivery_days
    from cutoffs
    -- A fact counts when it is known strictly before the cut-off.
    inner join customer_versions
        on
            cutoffs.cutoff > customer_versions.valid_from
            and cutoffs.cutoff <= customer_versions.valid_to

)

select * from known_at_cutoffs
