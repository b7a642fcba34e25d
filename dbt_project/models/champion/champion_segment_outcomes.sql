{{ config(materialized='incremental', full_refresh=false) }}

with

customer_facts as {{ not_materialized() }} (

    select * from {{ ref('int_customer_facts') }}

),

cutoffs as (

    select * from {{ ref('int_cutoffs') }}

),

intervals as (

    select * from {{ ref('champion_validity_intervals') }}

),

followed as ({{ followed_dates('cutoffs') }}),

due as (

    select followed.*
    from followed
    {%- if is_incremental() %}
        anti join {{ this }} as known
            on
                followed.cutoff = known.evaluation_date
                and followed.horizon_days = known.horizon_days
    {%- endif %}

),

purchases as ({{ later_purchases('customer_facts', 'due') }}),

customers as (

    select
        customer_number,
        customer_id
    from {{ ref('int_customer_versions') }}
    where valid_to = {{ end_of_time() }}

),

counted as (

    select
        segment_id,
        valid_from,
        coalesce(valid_to, {{ end_of_time() }}) as valid_to,
        count(*) as customers
    from intervals
    group by 1, 2, 3

),

members as (

    select
        due.cutoff,
        due.horizon_days,
        counted.segment_id,
        sum(counted.customers) as customers
    from due
    inner join counted on due.cutoff >= counted.valid_from and due.cutoff < counted.valid_to
    group by 1, 2, 3

),

bought as (

    select
        purchases.cutoff,
        purchases.horizon_days,
        intervals.segment_id,
        count(*) as buyers,
        sum(purchases.orders) as orders,
        sum(purchases.revenue) as revenue,
        sum(
            cast({{ square_of('purchases.revenue') }} as decimal(38, 4))
        ) as revenue_squares
    from purchases
    inner join customers on purchases.customer_number = customers.customer_number
    inner join intervals
        on
            customers.customer_id = intervals.customer_id
            and purchases.cutoff >= intervals.valid_from
            and purchases.cutoff < coalesce(intervals.valid_to, {{ end_of_time() }})
    group by 1, 2, 3

)

select
    members.cutoff as evaluation_date,
    cast(members.horizon_days as integer) as horizon_days,
    members.segment_id,
    cast(members.customers as bigint) as customers,
    cast(coalesce(bought.buyers, 0) as bigint) as buyers,
    cast(coalesce(bought.orders, 0) as bigint) as orders,
    cast(coalesce(bought.revenue, 0) as decimal(18, 2)) as revenue,
    cast(coalesce(bought.revenue_squares, 0) as double) as revenue_squares
from members
left join bought
    on
        members.cutoff = bought.cutoff
        and members.horizon_days = bought.horizon_days
        and members.segment_id = bought.segment_id
order by evaluation_date, members.horizon_days, members.segment_id
