with

order_days as {{ not_materialized() }} (

    select * from {{ ref('int_order_days') }}

),

cutoffs as (

    select cutoff from {{ ref('int_cutoffs') }}
    where is_as_of

),

customer_segments as (

    select customer_id from {{ ref('customer_segments') }}

),

evaluation_dates as (

    select * from {{ ref('monitoring_evaluation_dates') }}

),

value_models as (

    select * from {{ ref('training_value_models') }}

),

model_in_use as (

    -- Of the newest evaluation date at which orders came in as usual.
    select value_models.fitted_as_of
    from value_models
    inner join cutoffs on value_models.fitted_as_of <= cutoffs.cutoff
    left join evaluation_dates on value_models.fitted_as_of = evaluation_dates.evaluation_date
    where value_models.r is not null
    order by coalesce(evaluation_dates.is_live, true) desc, value_models.fitted_as_of desc
    limit 1

),

customers as (

    select
        customer_versions.customer_number,
        customer_versions.customer_id
    from {{ ref('int_customer_versions') }} as customer_versions
    semi join customer_segments
        on customer_versions.customer_id = customer_segments.customer_id
    where customer_versions.valid_to = {{ end_of_time() }}

),

histories_as_of as ({{ order_histories_at('cutoffs', 'order_days') }}),

histories as {{ materialized() }} (

    select
        histories_as_of.*,
        (select model_in_use.fitted_as_of from model_in_use) as fitted_as_of
    from histories_as_of

),

expected as ({{ expected_of('histories', 'value_models') }})

select
    customers.customer_id,
    -- Who has not ordered again has had no occasion to leave: in the model 1, which says nothing.
    case when expected.repeat_orders > 0 then expected.alive_probability end as alive_probability,
    {%- for days in value_horizons() %}
        expected.expected_orders_{{ days }},
    {%- endfor %}
    expected.order_value,
    {%- for days in value_horizons() %}
        expected.expected_orders_{{ days }} * expected.order_value as expected_revenue_{{ days }},
    {%- endfor %}
    cast(expected.repeat_orders as integer) as repeat_orders,
    cast(expected.last_order_days as integer) as last_order_days,
    cast(expected.age_days as integer) as age_days,
    expected.fitted_as_of,
    expected.cutoff as as_of
from expected
inner join customers on expected.customer_number = customers.customer_number
order by customers.customer_id
