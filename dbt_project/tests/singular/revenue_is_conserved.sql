-- What the counted orders before `as_of` are worth, less what was returned of them by then, is what
-- the published customers are worth. With an observation window only newer orders count, and
-- with labels only customers who have one: then the test holds nothing.
with

ordered as (

    select coalesce(sum(orders.monetary_value), 0) as total
    from {{ ref('int_orders') }} as orders
    cross join {{ ref('int_cutoffs') }} as cutoffs
    where orders.is_counted and cutoffs.is_as_of and orders.ordered_at < cutoffs.cutoff

),

returned as (

    select coalesce(sum(order_returns.monetary_value), 0) as total
    from {{ ref('int_order_returns') }} as order_returns
    cross join {{ ref('int_cutoffs') }} as cutoffs
    where cutoffs.is_as_of and order_returns.returned_at < cutoffs.cutoff

),

published as (

    select coalesce(sum(monetary_value), 0) as total
    from {{ ref('customer_segments') }}

)

select
    ordered.total as ordered,
    returned.total as returned,
    published.total as published
from ordered
cross join returned
cross join published
where
    ordered.total - returned.total != published.total
    and {{ 'false' if var('observation_months') or has_labels() else 'true' }}
