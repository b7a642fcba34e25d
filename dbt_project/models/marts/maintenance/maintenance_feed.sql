{%- set days = 7 * var('evaluation_interval_weeks') %}

with

orders as (

    select * from {{ ref('int_orders') }}

),

cutoffs as (

    select cutoff as as_of from {{ ref('int_cutoffs') }}
    where is_as_of

),

evaluation_dates as (

    select * from {{ ref('monitoring_evaluation_dates') }}

),

reached as (

    -- Orders that do not count show how far the data reach.
    select
        cutoffs.as_of,
        max(
            case
                when orders.is_counted and orders.ordered_at < cutoffs.as_of
                    then orders.ordered_at
            end
        ) as newest_counted_order_at,
        greatest(max(orders.ordered_at), cutoffs.as_of) as data_reach
    from orders
    cross join cutoffs
    group by cutoffs.as_of

),

late_facts as (

    select * from {{ ref('int_late_facts') }}

),

late_arriving as (

    -- What the build that reached this state found changed before the state of the one before.
    select
        cutoffs.as_of,
        min(late_facts.previous_as_of) as previous_as_of,
        coalesce(sum(late_facts.orders_gained), 0) as late_orders_gained,
        coalesce(sum(late_facts.revenue_gained), 0) as late_revenue_gained,
        coalesce(sum(late_facts.orders_lost), 0) as late_orders_lost,
        coalesce(sum(late_facts.revenue_lost), 0) as late_revenue_lost
    from cutoffs
    left join late_facts on cutoffs.as_of = late_facts.as_of
    group by 1

),

data_warnings as (

    select * from {{ ref('stg_data_warnings') }}

),

order_returns as (

    select coalesce(sum(monetary_value), 0) as total
    from {{ ref('stg_order_returns') }}

),

returned_orders as (

    select coalesce(sum(monetary_value), 0) as total
    from {{ ref('int_order_returns') }}

),

segment_profiles as (

    select * from {{ ref('segment_profiles') }}

),

largest_customers as (

    -- The fewest customers who have half of the revenue, and those who share their segments.
    select
        sum(half_revenue_customers) as customers,
        sum(case when half_revenue_customers > 0 then customers end)
        - sum(half_revenue_customers) as others,
        max(case when half_revenue_customers > 0 then segment_name end) as segment_name,
        count(case when half_revenue_customers > 0 then 1 end) as segments,
        sum(customers) as all_customers
    from segment_profiles

),

doubts as (

    select
        warning,
        sentence
    from data_warnings
    union all
    select
        'returns' as warning,
        printf(
            'Returns worth %.2f find no counted order of their customer before them, and are left '
            || 'out.',
            cast(order_returns.total - returned_orders.total as double)
        ) as sentence
    from order_returns
    cross join returned_orders
    where order_returns.total > returned_orders.total
    union all
    select
        'few customers' as warning,
        printf(
            'Half of the revenue comes from %d of %d customers, who share %s with %d others: look '
            || 'after them by name.',
            cast(customers as bigint),
            cast(all_customers as bigint),
            case when segments = 1 then '"' || segment_name || '"' else 'their segments' end,
            cast(others as bigint)
        ) as sentence
    from largest_customers
    where customers <= greatest(1, 0.01 * all_customers) and others > 3 * customers

),

told as (

    select {{ texts_in_order('sentence', ' ', 'warning') }} as data_sentence
    from doubts

),

newest_evaluation as (

    select *
    from evaluation_dates
    qualify row_number() over (order by evaluation_date desc) = 1

),

measured as (

    select
        reached.as_of,
        reached.newest_counted_order_at,
        reached.data_reach,
        cast({{ elapsed_days('reached.newest_counted_order_at', 'reached.data_reach') }} as integer)
            as days_without_orders,
        newest_evaluation.evaluation_date,
        newest_evaluation.counted_orders,
        newest_evaluation.usual_orders,
        newest_evaluation.is_live,
        late_arriving.previous_as_of,
        cast(late_arriving.late_orders_gained as bigint) as late_orders_gained,
        cast(late_arriving.late_revenue_gained as decimal(18, 2)) as late_revenue_gained,
        cast(late_arriving.late_orders_lost as bigint) as late_orders_lost,
        cast(late_arriving.late_revenue_lost as decimal(18, 2)) as late_revenue_lost,
        told.data_sentence,
        -- Where so many orders are usual that chance hardly leaves all of them out.
        days_without_orders >= {{ days }}
        and days_without_orders * coalesce(newest_evaluation.usual_orders, 0) >= 5 * {{ days }}
            as has_stopped
    from reached
    inner join late_arriving on reached.as_of = late_arriving.as_of
    cross join newest_evaluation
    cross join told

)

select
    {{ star_except(['previous_as_of', 'data_sentence'], 'measured') }},  -- noqa: RF02
    case
        when has_stopped
            then
                'No counted order for ' || days_without_orders || ' days: the newest is of '
                || {{ iso_date('newest_counted_order_at') }} || ', and the data reach '
                || {{ iso_date('data_reach') }}
                || '. The segments are those of ' || {{ iso_date('as_of') }} || '.'
        when not is_live
            then
                printf(
                    'Only %d counted orders up to the evaluation of %s, where %d are usual: '
                    || 'what is measured then breaks no clause.',
                    counted_orders,
                    {{ iso_date('evaluation_date') }},
                    cast(round(usual_orders) as bigint)
                )
        else
            printf(
                'The newest counted order is of %s; %d counted orders up to the evaluation of '
                || '%s%s.',
                {{ iso_date('newest_counted_order_at') }},
                counted_orders,
                {{ iso_date('evaluation_date') }},
                coalesce(
                    printf(', where %d are usual', cast(round(usual_orders) as bigint)), ''
                )
            )
    end as sentence,
    case
        when late_orders_gained + late_orders_lost > 0
            then
                printf(
                    'Of the orders before %s, counted by the build before, %d are gone or have '
                    || 'another value (%.2f less), and %d have come late or have a new value '
                    || '(%.2f more).',
                    {{ iso_date('previous_as_of') }},
                    late_orders_lost,
                    cast(late_revenue_lost as double),
                    late_orders_gained,
                    cast(late_revenue_gained as double)
                )
    end as late_sentence,
    data_sentence
from measured
