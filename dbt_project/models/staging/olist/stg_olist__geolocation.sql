{{ config(enabled=var('source') == 'olist') }}

with

source as (

    select * from {{ source('olist', 'geolocation') }}

),

renamed as (

    select
        geolocation_zip_code_prefix as zip_code_prefix,
        geolocation_lat as latitude,
        geolocation_lng as longitude,
        geolocation_city as city,
        geolocation_state as state,

        case when geolocation_zip_code_prefix is null then 'no_key' end as rejection_reason
    from source

)

select * from renamed
