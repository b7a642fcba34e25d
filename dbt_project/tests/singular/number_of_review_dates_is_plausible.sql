-- Without a review date there is no model: first_review_date must lie before the newest order of a
-- known customer. Too many come from an order dated far in the future: correct it, or set as_of or
-- max_review_dates.
select count(*) as review_dates
from {{ ref('int_cutoffs') }}
where is_review_date
having count(*) not between 1 and {{ var('max_review_dates') }}
