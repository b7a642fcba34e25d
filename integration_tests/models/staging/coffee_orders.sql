-- What the till has printed, as the orders that the package makes segments of.
select
    receipt as order_id,
    card as customer_id,
    printed_at as ordered_at,
    cents / 100 as amount,
    stars as review_score
from {{ source('till', 'receipts') }}
