with

orders as (

    select * from {{ ref('int_orders') }}

),

published_state as (

    -- Canceled orders count too: they show how far the data reach.
    select
        coalesce(
            cast({{ sql_string(var('as_of')) if var('as_of') else 'null' }} as timestamp),
            cast(cast(max(ordered_at) as date) + interval 1 day as timestamp)
        ) as as_of
    from orders
    having max(ordered_at) is not null

),

review_dates as (

    select
        {{ every(
            var('review_interval_weeks') ~ ' week', sql_timestamp(var('first_review_date')), 'as_of'
        ) }} as cutoff
    from published_state

),

all_cutoffs as (

    select cutoff from review_dates
    union
    select as_of as cutoff from published_state

),

described as (

    select
        all_cutoffs.cutoff,
        review_dates.cutoff is not null as is_review_date,
        all_cutoffs.cutoff = published_state.as_of as is_as_of
    from all_cutoffs
    cross join published_state
    left join review_dates on all_cutoffs.cutoff = review_dates.cutoff

)

select * from described
order by cutoff
