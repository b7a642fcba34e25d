{{ config(enabled=var('source') == 'relations' or var('labels') is not none) }}

with

source as (

    select * from {{ source('raw_files', 'erased_customers') }}

),

renamed as (

    select
        customer_hash,
        erased_at
    from source

)

select * from renamed
