{{ config(enabled=var('labels') is not none, materialized='incremental', full_refresh=false) }}

with

labels as (

    select * from {{ ref('int_labels') }}
    where rejection_reason is null

),

evaluation_dates as (

    select cutoff from {{ ref('int_cutoffs') }}
    where is_evaluation_date

)

-- A label for a date before the newest one comes too late: what was decided then stands.
select
    labels.label_set,
    labels.labelled_at,
    count(*) as customers
from labels
inner join evaluation_dates on labels.labelled_at = evaluation_dates.cutoff
{% if is_incremental() -%}
    anti join {{ this }} as known
        on labels.label_set = known.label_set and labels.labelled_at = known.labelled_at
    where labels.labelled_at >= (select max(newest.labelled_at) from {{ this }} as newest)
{%- endif %}
group by 1, 2
order by 1, 2
