{{ config(enabled=var('source') in ['transactions', 'relations']) }}

with

counts_by_day as (

    select * from {{ ref('stg_data_quality_counts_by_day') }}

)

select
    raw_table,
    rule,
    cast(sum(affected_rows) as bigint) as affected_rows
from counts_by_day
where rule != 'all rules'
group by 1, 2
