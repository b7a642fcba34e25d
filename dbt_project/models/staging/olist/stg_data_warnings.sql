{{ config(enabled=var('source') == 'olist') }}

with

raw_tables as (

    select * from {{ ref('stg_raw_tables') }}

)

-- The published files are known.
select
    raw_table as warning,
    raw_table as sentence
from raw_tables
where false
