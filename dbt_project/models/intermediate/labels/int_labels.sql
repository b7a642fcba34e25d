{{ config(enabled=var('labels') is not none, post_hook="{{ stop_on_unfit_labels() }}") }}

with

labels as (

    select * from {{ ref('stg_labels__labels') }}

),

first_orders as (

    select
        customer_id,
        min(ordered_at) as ordered_at
    from {{ ref('int_orders') }}
    where is_counted
    group by 1

),

numbered as (

    select
        labels.*,
        row_number() over of_customer as place,
        min(labels.label) over (partition by label_set, labelled_at, customer_id) as lowest_label,
        max(labels.label) over (partition by label_set, labelled_at, customer_id) as highest_label
    from labels
    window of_customer as (
        partition by label_set, labelled_at, customer_id order by label asc nulls last
    )

)

select
    numbered.label_set,
    numbered.labelled_at,
    numbered.customer_id,
    numbered.label,
    case
        when numbered.is_erased then 'erased_on_request'
        when numbered.label_set is null then 'no_label_set'
        when numbered.labelled_at is null then 'no_label_date'
        when numbered.customer_id is null then 'no_customer'
        when numbered.label is null then 'no_label'
        -- Which of two labels is meant nobody can tell.
        when numbered.lowest_label != numbered.highest_label then 'two_labels'
        when numbered.place > 1 then 'duplicate'
        when first_orders.ordered_at is null or first_orders.ordered_at >= numbered.labelled_at
            then 'no_order_before'
    end as rejection_reason
from numbered
left join first_orders on numbered.customer_id = first_orders.customer_id
