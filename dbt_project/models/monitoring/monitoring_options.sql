with

declared as ({{ contract_option_rows() }})

select * from declared
order by option
