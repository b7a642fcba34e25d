with

customers as (

    select * from {{ ref('selection_customers') }}

),

candidates as (

    select * from {{ ref('selection_candidates') }}

),

hashed_customers as (

    select
        cutoff,
        customer_id,
        known_customers,
        {{ hash_number(customer_as_text()) }} as row_hash
    from customers

),

data_summed_up as (

    select
        max(cutoff) as compared_as_of,
        count(*) as customers,
        max(known_customers) as known_customers,
        -- A sum has no order: sorting the customers would take most of the time.
        left(md5(cast(sum(row_hash) as string)), 16) as data_fingerprint
    from hashed_customers

),

settings_summed_up as (

    select
        left(
            md5(
                {{ texts_in_order(
                    'candidates.candidate_id || cast(candidates.features as string)',
                    ',', 'candidates.candidate_id'
                ) }}
                || {{ sql_string(tojson(comparison_settings(), sort_keys=true)) }}
            ),
            16
        ) as settings_fingerprint
    from candidates

)

select
    data_summed_up.*,
    settings_summed_up.settings_fingerprint
from data_summed_up
cross join settings_summed_up
