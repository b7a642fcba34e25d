-- Without a review date there is no model: set first_review_date to an earlier date.
select count(*) as review_dates
from {{ ref('int_cutoffs') }}
where is_review_date
having count(*) = 0
