{{ config(materialized='incremental', full_refresh=false) }}

{#- The usual is that of the intervals with orders in the year before. -#}
{%- set days = 7 * var('evaluation_interval_weeks') %}
{%- set intervals_of_a_year = [1, 365 // days] | max %}

with

counted_orders as (

    select * from {{ ref('int_orders') }}
    where is_counted

),

cutoffs as (

    select * from {{ ref('int_cutoffs') }}
    where is_evaluation_date

),

spine as (

    -- Intervals are numbered from the year before the first evaluation date.
    select
        min(cutoff) - {{ intervals_of_a_year * days }} * interval '1' day as starts_at,
        max(cutoff) as ends_at
    from cutoffs

),

orders as (

    select
        cast(floor(
            {{ elapsed_days('spine.starts_at', 'counted_orders.ordered_at') }} / {{ days }}.0
        ) as integer) as number,
        count(*) as counted_orders
    from counted_orders
    inner join spine
        on
            counted_orders.ordered_at >= spine.starts_at
            and counted_orders.ordered_at < spine.ends_at
    group by 1

),

intervals as (

    -- Of the interval that ends with the evaluation date.
    select
        cutoffs.cutoff as evaluation_date,
        cast(floor(
            {{ elapsed_days('spine.starts_at', 'cutoffs.cutoff') }} / {{ days }}.0
        ) as integer) - 1 as number
    from cutoffs
    cross join spine

),

counted as (

    select
        intervals.evaluation_date,
        coalesce(max(case when orders.number = intervals.number then orders.counted_orders end), 0)
            as counted_orders,
        {{ quantile(
            'case when orders.number < intervals.number then orders.counted_orders end', 0.5
        ) }}
            as usual_orders
    from intervals
    left join orders
        on orders.number between intervals.number - {{ intervals_of_a_year }} and intervals.number
    group by 1

)

select
    evaluation_date,
    counted_orders,
    usual_orders,
    -- Fewer by more than chance: a count scatters by its square root.
    usual_orders is null
    or counted_orders + 2 * sqrt({{ var('live_order_share') }} * usual_orders)
    >= {{ var('live_order_share') }} * usual_orders as is_live
from counted
{% if is_incremental() -%}
    where evaluation_date > (select max(written.evaluation_date) from {{ this }} as written)
{%- endif %}
order by evaluation_date
