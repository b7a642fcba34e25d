with

customer_versions as (

    select * from {{ ref('int_customer_versions') }}

),

cutoffs as (

    select * from {{ ref('int_cutoffs') }}

),

known_at_cutoffs as (
    {{ known_customers('cutoffs', 'customer_versions', observation_months(var('observation_months'))) }}
),

relative as ({{ relative_recencies('known_at_cutoffs') }})

select * from relative
order by cutoff, recency_days
