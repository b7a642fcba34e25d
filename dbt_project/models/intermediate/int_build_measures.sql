-- What the next build is held against: hence after int_losses and its test.
select
    measure,
    part,
    now as amount,
    {{ sql_string(vars_of_orders()) }} as vars_of_orders
from {{ ref('int_losses') }}
where measure != 'customers'
order by measure, part
