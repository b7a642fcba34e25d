{{ config(materialized='incremental', full_refresh=false) }}

{%- set features = mapping_var('feature_transforms') %}

with

customer_versions as {{ not_materialized() }} (

    select * from {{ ref('int_customer_versions') }}

),

order_reviews as (

    -- A review dated before its order is known from the order on.
    select
        order_reviews.review_score,
        greatest(order_reviews.written_at, orders.ordered_at) as written_at
    from {{ ref('stg_order_reviews') }} as order_reviews
    inner join {{ ref('int_orders') }} as orders on order_reviews.order_id = orders.order_id

),

feature_bins as (

    select * from {{ ref('monitoring_feature_bins') }}

),

evaluation_dates as (

    -- Up to the first one, everybody is a newcomer.
    select
        cutoff,
        lag(cutoff, 1, {{ start_of_time() }}) over (order by cutoff) as previous_cutoff
    from {{ ref('int_cutoffs') }}
    where is_evaluation_date

),

due as (

    select * from evaluation_dates
    {%- if is_incremental() %}
        where cutoff not in (select known.evaluation_date from {{ this }} as known)
    {%- endif %}

),

known_before as (

    -- Customers are numbered in the order of their first orders: newcomers have higher numbers.
    select
        due.cutoff,
        coalesce(max(customer_versions.customer_number), 0) as last_number
    from due
    left join customer_versions on due.previous_cutoff > customer_versions.valid_from
    group by 1

),

deciles as ({{ deciles_side_by_side('feature_bins', features) }}),

customer_features as ({{ features_at('due', 'customer_versions') }}),

binned as (

    -- The deciles that a value is above, -1 where it is missing.
    select
        {{ deciles_below('customer_features', 'deciles', features) }},
        customer_features.cutoff,
        customer_features.customer_number > known_before.last_number as is_newcomer
    from customer_features
    -- Every row finds its date; why not an inner join, says assign_clusters.
    left join known_before on customer_features.cutoff = known_before.cutoff
    cross join deciles

),

counted as ({{ counted_by_bin('binned', features) }}),  -- noqa: PRS

of_features as (

    {% for feature in features %}
        select
            cutoff,
            '{{ feature }}' as feature,
            is_newcomer,
            {{ feature }}__bin as bin,
            facts
        from counted
        where {{ feature }}__bin is not null
        {{ 'union all' if not loop.last }}
    {% endfor %}

),

unioned as (

    select
        cutoff,
        feature,
        'customers' as population,
        bin,
        facts
    from of_features
    union all
    select
        cutoff,
        feature,
        'newcomers' as population,
        bin,
        facts
    from of_features
    where is_newcomer
    union all
    -- The scores themselves, where a customer's mean would hide what has changed since last week.
    select
        due.cutoff,
        'review_score' as feature,
        'reviews' as population,
        order_reviews.review_score as bin,
        1 as facts
    from due
    inner join order_reviews
        on
            due.previous_cutoff <= order_reviews.written_at
            and due.cutoff > order_reviews.written_at

)

select
    cutoff as evaluation_date,
    feature,
    population,
    cast(bin as integer) as bin,
    cast(sum(facts) as bigint) as facts
from unioned
group by 1, 2, 3, 4
order by evaluation_date, feature, population, bin
