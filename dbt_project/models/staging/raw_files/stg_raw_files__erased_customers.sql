{{ config(enabled=var('source') == 'relations') }}

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
