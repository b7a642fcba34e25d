-- Without a review date there is no model: set first_review_date to an earlier date. Too many come
-- from an order dated far in the future: correct it, or set as_of; max_review_dates allows more.
select count(*) as review_dates
from {{ ref('int_cutoffs') }}
where is_review_date
having count(*) not between 1 and {{ var('max_review_dates') }}
