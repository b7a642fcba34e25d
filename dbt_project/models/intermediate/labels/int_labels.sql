{{ config(enabled=var('labels') is not none, post_hook="{{ stop_on_unfit_labels() }}") }}

with

labels as (

    select
        *,
        hash(label_set, labelled_at, customer_id) as key_hash
    from {{ ref('stg_labels__labels') }}

),

customers as (

    select
        customer_id,
        any_value(customer_number) as customer_number,
        min(valid_from) as came_at
    from {{ ref('int_customer_versions') }}
    group by 1

),

repeated as (

    -- Rows that may have a key in common are few, and only they are sorted.
    select key_hash
    from labels
    group by 1
    having count(*) > 1

),

numbered as (

    select
        labels.*,
        row_number() over (
            partition by labels.label_set, labels.labelled_at, labels.customer_id
            order by labels.label asc nulls last
        ) as place,
        min(labels.label) over of_customer != max(labels.label) over of_customer as is_contradicted
    from labels
    semi join repeated on labels.key_hash = repeated.key_hash
    window
        of_customer as (partition by labels.label_set, labels.labelled_at, labels.customer_id)
    union all
    select
        labels.*,
        1 as place,
        false as is_contradicted
    from labels
    anti join repeated on labels.key_hash = repeated.key_hash

)

select
    numbered.label_set,
    numbered.labelled_at,
    customers.customer_number,
    numbered.label,
    case
        when numbered.is_erased then 'erased_on_request'
        when numbered.label_set is null then 'no_label_set'
        when numbered.labelled_at is null then 'no_label_date'
        when numbered.customer_id is null then 'no_customer'
        when numbered.label is null then 'no_label'
        -- Which of two labels is meant nobody can tell.
        when numbered.is_contradicted then 'two_labels'
        when numbered.place > 1 then 'duplicate'
        when customers.came_at is null or customers.came_at >= numbered.labelled_at
            then 'no_order_before'
    end as rejection_reason
from numbered
left join customers on numbered.customer_id = customers.customer_id
