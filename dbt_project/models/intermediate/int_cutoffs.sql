{{ config(post_hook='{{ stop_on_implausible_dates() }}') }}

with

orders as (

    select * from {{ ref('int_orders') }}
    where is_counted

),

published_state as (

    select
        coalesce(
            cast({{ sql_string(var('as_of')) if var('as_of') else 'null' }} as timestamp),
            cast(cast(max(ordered_at) as date) + interval 1 day as timestamp)
        ) as as_of
    from orders
    having max(ordered_at) is not null

),

evaluation_dates as (

    select
        {{ every(
            var('evaluation_interval_weeks') ~ ' week', sql_timestamp(var('first_evaluation_date')), 'as_of'
        ) }} as cutoff
    from published_state

),

all_cutoffs as (

    select cutoff from evaluation_dates
    union
    select as_of as cutoff from published_state

),

described as (

    select
        all_cutoffs.cutoff,
        evaluation_dates.cutoff is not null as is_evaluation_date,
        all_cutoffs.cutoff = published_state.as_of as is_as_of
    from all_cutoffs
    cross join published_state
    left join evaluation_dates on all_cutoffs.cutoff = evaluation_dates.cutoff

)

select * from described
order by cutoff
