{{ config(materialized=view_with_many_readers()) }}

{%- set months = observation_months(var('observation_months')) %}

with

customer_versions as (

    select * from {{ ref('int_customer_versions') }}

),

cutoffs as (

    select * from {{ ref('int_cutoffs') }}

),

known_at_cutoffs as ({{ known_customers('cutoffs', 'customer_versions', months) }})

select
    *,
    {{ relative_recencies() }}
from known_at_cutoffs
