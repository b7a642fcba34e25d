-- The validity intervals that are open must say what customer_segments says, but for customers who
-- have come, changed or gone since the newest evaluation date. Who goes has no counted order left:
-- it is returned, or older than the observation window.
with

customer_segments as (

    select * from {{ ref('customer_segments') }}

),

current_history as (

    select * from {{ ref('customer_segment_history') }}
    where is_current

),

customers_as_of as (

    select customer_features.customer_id
    from {{ ref('int_customer_features') }} as customer_features
    inner join {{ ref('int_cutoffs') }} as cutoffs on customer_features.cutoff = cutoffs.cutoff
    where cutoffs.is_as_of

),

newest as (

    select max(evaluation_date) as evaluation_date from {{ ref('segment_model_decisions') }}

)

select
    coalesce(customer_segments.customer_id, current_history.customer_id) as customer_id,
    customer_segments.segment_id,
    current_history.segment_id as segment_id_of_history
from customer_segments
full outer join current_history
    on customer_segments.customer_id = current_history.customer_id
left join customers_as_of
    on current_history.customer_id = customers_as_of.customer_id
cross join newest
where
    (
        customer_segments.segment_id is distinct from current_history.segment_id
        or customer_segments.segment_name is distinct from current_history.segment_name
    )
    and coalesce(customer_segments.segment_changed_at <= newest.evaluation_date, true)
    and (customer_segments.customer_id is not null or customers_as_of.customer_id is not null)
