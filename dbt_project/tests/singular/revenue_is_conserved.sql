-- What the counted orders before `as_of` are worth is what the published customers are worth. With
-- an observation window only newer orders count, and the test holds nothing.
with

ordered as (

    select coalesce(sum(orders.monetary_value), 0) as total
    from {{ ref('int_orders') }} as orders
    cross join {{ ref('int_cutoffs') }} as cutoffs
    where orders.is_counted and cutoffs.is_as_of and orders.ordered_at < cutoffs.cutoff

),

published as (

    select coalesce(sum(monetary_value), 0) as total
    from {{ ref('customer_segments') }}

)

select
    ordered.total as ordered,
    published.total as published
from ordered
cross join published
where
    ordered.total != published.total
    and {{ 'false' if var('observation_months') else 'true' }}
