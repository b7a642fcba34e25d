with

source as (

    select * from {{ source('raw_files', 'unreadable_lines') }}

),

renamed as (

    select
        file_name as raw_table,
        record_number,
        reason,
        record
    from source

)

select * from renamed
