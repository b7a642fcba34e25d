{{ config(enabled=var('labels') is not none,
    materialized='table',
    post_hook="{{ stop_on_misfits('labels') }}") }}

with

source as (

    select * from {{ relation_of('labels') }}

),

erased_customers as (

    select * from {{ ref('stg_raw_files__erased_customers') }}

),

texts as (

    select {{ texts_of('labels') }}
    from source

),

renamed as (

    select
        nullif(trim(label_set), '') as label_set,
        labelled_at_text,
        {{ time_of('labelled_at_text') }} as labelled_at,
        {{ normalized_customer_id('customer_id') }} as customer_id,
        nullif(trim(label), '') as label
    from texts

),

flagged as (

    select
        renamed.*,
        erased_customers.customer_hash is not null as is_erased
    from renamed
    left join erased_customers
        on {{ sha256_of('renamed.customer_id') }} = erased_customers.customer_hash

)

-- Nothing but a count is left of the row of an erased customer.
select
    {% for column in declared_columns('labels') %}
        case when not is_erased then {{ column }} end as {{ column }},
    {% endfor %}
    case when not is_erased then {{ misfit_of('labels') }} end as misfit,
    is_erased
from flagged
