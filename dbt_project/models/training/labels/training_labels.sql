{{ config(enabled=var('labels') is not none, materialized='incremental', full_refresh=false) }}

with

labels as (

    select * from {{ ref('int_labels') }}
    where rejection_reason is null

),

label_dates as (

    select * from {{ ref('training_label_dates') }}

),

beginnings as (

    select
        label_set,
        min(labelled_at) as begins_at
    from label_dates
    group by 1

),

begun as (

    -- Label sets that begin at one date are fits of the same customers: the first one by name is a
    -- model, the others show the noise. One that comes after the model was made is noise too.
    select
        beginnings.*,
        {% if is_incremental() -%}
            coalesce(
                (
                    select min(known.label_set) from {{ this }} as known
                    where known.begins_at = beginnings.begins_at and not known.is_repeat
                ),
                min(beginnings.label_set) over (partition by beginnings.begins_at)
            )
        {%- else -%}
            min(beginnings.label_set) over (partition by beginnings.begins_at)
        {%- endif %} as model_id
    from beginnings

),

counted as (

    select
        labels.label_set,
        begun.begins_at,
        labels.label,
        begun.model_id,
        count(*) as customers
    from labels
    inner join begun
        on labels.label_set = begun.label_set and labels.labelled_at = begun.begins_at
    {%- if is_incremental() %}
        where labels.label_set not in (select known.label_set from {{ this }} as known)
    {%- endif %}
    group by 1, 2, 3, 4

)

select
    label_set,
    begins_at,
    label,
    cast(row_number() over (partition by label_set order by label) - 1 as integer) as cluster,
    cast(customers as bigint) as customers,
    label_set != model_id as is_repeat,
    model_id
from counted
order by begins_at, label_set, label
