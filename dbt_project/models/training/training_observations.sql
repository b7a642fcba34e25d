{{ config(materialized='incremental', full_refresh=false) }}

{%- set candidate = chosen_model() -%}
{%- set is_candidate = 'candidate_id = ' ~ sql_string(candidate.candidate_id) -%}

with

customer_versions as {{ not_materialized() }} (

    select * from {{ ref('int_customer_versions') }}

),

evaluation_dates as (

    select * from {{ ref('int_cutoffs') }}
    where is_evaluation_date

),

due as (

    select * from evaluation_dates
    {%- if is_incremental() %}
        where cutoff > (
            select coalesce(max(known.cutoff), {{ start_of_time() }}) from {{ this }} as known
            where known.{{ is_candidate }}
        )
    {%- endif %}

),

-- Customers at all dates that are due: too many to be kept.
customer_features as {{ not_materialized() }} ({{ features_at('due', 'customer_versions') }}),

known as {{ not_materialized() }} (

    select
        cutoff,
        customer_id,
        frequency as orders,
        monetary_value as revenue,
        {{ features_of(candidate, 'customer_features') }}
    from customer_features

),

spread as ({{ spread_of_features('known', candidate) }}),

-- Everyone is an observation, in the order of their ids.
alone as (

    select
        known.cutoff,
        1 as customers,
        known.orders,
        known.revenue,
        {{ feature_list(candidate, 'known') }}
            as feature_values,
        row_number() over (partition by known.cutoff order by known.customer_id) as observation
    from known
    inner join spread on known.cutoff = spread.cutoff
    where spread.customers <= {{ var('max_exact_customers') }}

),

placed as (

    select
        known.cutoff,
        known.orders,
        known.revenue,
        {{ transformed_features('known', candidate) }},
        {{ features_in_bin_widths('known', 'spread', candidate, bin_width()) }}
    from known
    inner join spread on known.cutoff = spread.cutoff
    where spread.customers > {{ var('max_exact_customers') }}

),

binned as (

    select
        *,
        {{ staggered_bins(candidate) }}
    from placed

),

counted as (

    select
        cutoff,
        count(*) as customers,
        sum(orders) as orders,
        sum(revenue) as revenue,
        {{ mean_feature_values(candidate) }},
        {{ bin_columns(candidate) }}
    from binned
    group by cutoff, {{ bin_columns(candidate) }}

),

numbered as (

    select
        *,
        row_number() over (partition by cutoff order by {{ bin_order(candidate) }}) as observation
    from counted

),

together as (

    -- Lists come last: they are slow to sort.
    select
        cutoff,
        customers,
        orders,
        revenue,
        {{ feature_list(candidate, 'numbered') }}
            as feature_values,
        observation
    from numbered

),

observations as (

    select * from alone
    union all
    select * from together

)

select
    {{ sql_string(candidate.candidate_id) }} as candidate_id,
    cutoff,
    cast(observation as integer) as observation,
    cast(customers as bigint) as customers,
    cast(orders as bigint) as orders,
    cast(revenue as decimal(18, 2)) as revenue,
    feature_values
from observations
