-- What somebody else makes of the public tables.
select
    segment_name,
    count(*) as customers,
    sum(monetary_value) as revenue
from {{ ref('customer_segments') }}
group by segment_name
