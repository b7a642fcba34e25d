{{ config(materialized='view') }}

with

customer_versions as (

    select * from {{ ref('int_customer_versions') }}

),

cutoffs as (

    select * from {{ ref('int_cutoffs') }}

),

relative_recencies as (

    select * from {{ ref('int_relative_recencies') }}

),

known_at_cutoffs as (
    {{ known_customers('cutoffs', 'customer_versions', observation_months(var('observation_months'))) }}
)

select
    known_at_cutoffs.*,
    relative_recencies.recency_rank,
    relative_recencies.recency_share
from known_at_cutoffs
-- Everyone has one. A left join tells DuckDB so, which otherwise underestimates the rows and plans
-- the scoring of all pairs of models at twice the time.
left join relative_recencies
    on
        known_at_cutoffs.cutoff = relative_recencies.cutoff
        and known_at_cutoffs.recency_days = relative_recencies.recency_days
