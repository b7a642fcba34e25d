with

declared as ({{ candidate_rows() }})

select * from declared
order by candidate_id
