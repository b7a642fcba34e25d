with

source as (

    select * from {{ source('raw_files', 'unreadable_lines') }}

),

renamed as (

    select
        file_name as raw_table,
        line_number,
        reason,
        line
    from source

)

select * from renamed
