{{ config(enabled=var('labels') is not none) }}

with

labels as (

    select * from {{ ref('int_labels') }}

),

label_dates as (

    select * from {{ ref('training_label_dates') }}

),

known_labels as (

    select * from {{ ref('training_labels') }}

),

label_sets as (

    select distinct label_set
    from known_labels

),

newest as (

    select max(labelled_at) as labelled_at
    from label_dates

)

-- Of a date that has no orders yet the labels wait.
select
    labels.label_set,
    labels.labelled_at,
    labels.customer_number,
    known_labels.cluster,
    case
        when labels.rejection_reason is not null then labels.rejection_reason
        when labels.labelled_at <= newest.labelled_at and label_dates.label_set is null
            then 'late_label'
        when label_sets.label_set is not null and known_labels.label is null then 'new_label'
    end as rejection_reason
from labels
cross join newest
left join label_dates
    on labels.label_set = label_dates.label_set and labels.labelled_at = label_dates.labelled_at
left join label_sets on labels.label_set = label_sets.label_set
left join known_labels
    on labels.label_set = known_labels.label_set and labels.label = known_labels.label
