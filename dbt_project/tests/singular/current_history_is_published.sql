-- The validity intervals that are open must say what customer_segments says, but for customers who
-- have come, changed or gone out of the observation window since the newest evaluation date.
with

customer_segments as (

    select * from {{ ref('customer_segments') }}

),

current_history as (

    select * from {{ ref('customer_segment_history') }}
    where is_current

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
cross join newest
where
    (
        customer_segments.segment_id is distinct from current_history.segment_id
        or customer_segments.segment_name is distinct from current_history.segment_name
    )
    and coalesce(customer_segments.segment_changed_at <= newest.evaluation_date, true)
    and not (
        customer_segments.customer_id is null
        and {{ 'true' if var('observation_months') else 'false' }}
    )
