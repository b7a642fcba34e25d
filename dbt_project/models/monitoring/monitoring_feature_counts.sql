{{ config(materialized='incremental', full_refresh=false) }}

{%- set features = mapping_var('feature_transforms') %}
{%- set lasting_features = features | reject('eq', 'recency_days') | list %}

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

deciles as ({{ deciles_side_by_side('feature_bins', features) }}),

numbered_dates as ({{ numbered_dates('due') }}),

numbers_of_date as (

    select
        evaluation_dates.cutoff,
        max(customer_versions.customer_number) as last_number
    from evaluation_dates
    inner join customer_versions
        on
            evaluation_dates.previous_cutoff <= customer_versions.valid_from
            and evaluation_dates.cutoff > customer_versions.valid_from
    group by 1

),

known_before as (

    -- Customers are numbered in the order of their first orders: newcomers have higher numbers.
    select
        numbered_dates.number as first_date,
        coalesce(max(numbers_of_date.last_number), 0) as last_number
    from due
    inner join numbered_dates on due.cutoff = numbered_dates.cutoff
    left join numbers_of_date on due.previous_cutoff >= numbers_of_date.cutoff
    group by 1

),

{% if var('observation_months') -%}
    customer_features as ({{ features_at('due', 'customer_versions') }}),

    -- Within a window the features of a customer differ from date to date.
    features_for_a_time as (

        select
            customer_features.*,
            customer_features.cutoff - customer_features.recency_days * interval '1' day
                as last_ordered_at,
            numbered_dates.number as first_date,
            numbered_dates.number as last_date
        from customer_features
        -- Every row finds its date; why not an inner join, says assign_clusters.
        left join numbered_dates on customer_features.cutoff = numbered_dates.cutoff

    ),
{%- else -%}
    versions as (

        select * from customer_versions
        where frequency > 0

    ),

    standing as ({{ standing_at('numbered_dates', 'versions') }}),

    newest as (

        select max(cutoff) as cutoff from numbered_dates

    ),

    features_for_a_time as (

        select
            standing.customer_number,
            standing.first_date,
            standing.last_date,
            {{ last_order_by_days('standing.last_ordered_at', 'newest.cutoff') }}
                as last_ordered_at,
            {{ features_of_version('standing') }}
        from standing
        cross join newest

    ),
{%- endif %}

binned as (

    -- The deciles that a value is above, -1 where it is missing. Who is new at a date is so at the
    -- first date of a time.
    select
        {{ deciles_below('features_for_a_time', 'deciles', lasting_features) }},
        features_for_a_time.last_ordered_at,
        features_for_a_time.first_date,
        features_for_a_time.last_date,
        features_for_a_time.customer_number > known_before.last_number as is_new
    from features_for_a_time
    left join known_before on features_for_a_time.first_date = known_before.first_date
    cross join deciles

),

counted as ({{ counted_by_bin('binned', lasting_features) }}),  -- noqa: PRS

counted_at_dates as (

    select
        counted.*,
        numbered_dates.cutoff,
        counted.is_new and counted.first_date = numbered_dates.number as is_newcomer,
        {{ elapsed_days('counted.last_ordered_at', 'numbered_dates.cutoff') }} as recency_days
    from counted
    inner join numbered_dates
        on
            counted.first_date <= numbered_dates.number
            and counted.last_date >= numbered_dates.number

),

of_features as (

    {% for feature in lasting_features %}
        select
            cutoff,
            '{{ feature }}' as feature,
            is_newcomer,
            {{ feature }}__bin as bin,
            facts
        from counted_at_dates
        where {{ feature }}__bin is not null
        {{ 'union all' if 'recency_days' in features or not loop.last }}
    {% endfor %}
    {% if 'recency_days' in features %}
        select
            counted_at_dates.cutoff,
            'recency_days' as feature,
            counted_at_dates.is_newcomer,
            {{ deciles_below('counted_at_dates', 'deciles', ['recency_days']) }},
            counted_at_dates.facts
        from counted_at_dates
        cross join deciles
        where counted_at_dates.last_ordered_at is not null
    {% endif %}

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
