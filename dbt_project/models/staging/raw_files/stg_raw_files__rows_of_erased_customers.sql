with

source as (

    select * from {{ source('raw_files', 'rows_of_erased_customers') }}

),

renamed as (

    select
        file_name as raw_table,
        erased_rows
    from source

)

select * from renamed
