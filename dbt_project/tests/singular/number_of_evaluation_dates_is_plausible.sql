-- Without an evaluation date there is no model: first_evaluation_date must lie before the newest order of a
-- known customer. Too many come from an order dated far in the future: correct it, or set as_of or
-- max_evaluation_dates.
select count(*) as evaluation_dates
from {{ ref('int_cutoffs') }}
where is_evaluation_date
having count(*) not between 1 and {{ var('max_evaluation_dates') }}
