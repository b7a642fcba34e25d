{{ config(post_hook='{{ stop_on_implausible_dates() }}') }}
-- depends_on: {{ ref('int_losses') }}
-- depends_on: {{ ref('int_published_segments') }}

with

orders as (

    select * from {{ ref('int_orders') }}
    where is_counted

),

order_returns as (

    select * from {{ ref('int_order_returns') }}

),

moments as (

    select ordered_at as known_at from orders
    union all
    select returned_at as known_at from order_returns

),

published_state as (

    select
        coalesce(
            cast({{ sql_string(var('as_of')) if var('as_of') else 'null' }} as timestamp),
            cast(cast(max(known_at) as date) + interval 1 day as timestamp)
        ) as as_of
    from moments
    having max(known_at) is not null

),

{% if has_labels() -%}
    -- Somebody else's models are evaluated when they label.
    labelled as (

        select distinct labelled_at
        from {{ ref('int_labels') }}
        where rejection_reason is null

    ),
{%- elif first_evaluation_date() is not none -%}
    first_evaluation as (

        select {{ sql_timestamp(first_evaluation_date()) }} as evaluation_date

    ),
{%- else -%}
    first_orders as (

        select min(ordered_at) as ordered_at
        from orders
        group by customer_id

    ),

    arrivals as (

        select
            ordered_at,
            row_number() over (order by ordered_at) as customers,
            min(ordered_at) over () + interval '90' day as earliest_at
        from first_orders

    ),

    first_evaluation as (

        -- Later orders move it no more. With fewer customers there is no evaluation date.
        select
            cast(
                date_trunc('month', greatest(min(ordered_at), min(earliest_at)))
                + interval '1' month as timestamp
            ) as evaluation_date
        from arrivals
        where customers >= 100

    ),
{%- endif %}

evaluation_dates as (

    {% if has_labels() -%}
        select labelled.labelled_at as cutoff
        from labelled
        inner join published_state on labelled.labelled_at <= published_state.as_of
    {%- else -%}
        select
            {{ every(
                var('evaluation_interval_weeks') ~ ' week', 'first_evaluation.evaluation_date', 'published_state.as_of'
            ) }} as cutoff
        from published_state
        cross join first_evaluation
    {%- endif %}

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
