-- depends_on: {{ ref('segment_model_parameters') }}, {{ ref('segment_model_centroids') }}
{{ config(post_hook='{{ create_segment_of() }}') }}

with

customer_segments as (

    select * from {{ ref('customer_segments') }}

),

clusters as (

    select * from {{ ref('champion_segments') }}
    where is_current

),

revenue_of_values as (

    select
        monetary_value,
        count(*) * monetary_value as revenue
    from customer_segments
    group by 1

),

from_the_largest as (

    select
        monetary_value,
        sum(revenue) over (order by monetary_value desc) - revenue as revenue_before,
        sum(revenue) over () as revenue_of_all
    from revenue_of_values

),

half_way as (

    -- The customers of this value, and all of a larger one, bring half of the revenue.
    select * from from_the_largest
    where 2 * revenue_before < revenue_of_all
    order by monetary_value
    limit 1

),

customers_half_way as (

    select
        customer_segments.segment_id,
        half_way.revenue_before,
        half_way.revenue_of_all,
        half_way.monetary_value
        * (row_number() over (order by customer_segments.customer_id) - 1) as revenue_of_others
    from customer_segments
    inner join half_way on customer_segments.monetary_value = half_way.monetary_value

),

needed_half_way as (

    select
        segment_id,
        count(*) as customers
    from customers_half_way
    where 2 * (revenue_before + revenue_of_others) < revenue_of_all
    group by 1

),

aggregated as (

    select
        customer_segments.segment_id,
        count(*) as customers,
        count(*) filter (where customer_segments.monetary_value > half_way.monetary_value)
            as customers_above,
        sum(customer_segments.monetary_value) as revenue,
        median(customer_segments.recency_days) as median_recency_days,
        avg(customer_segments.frequency) as mean_frequency,
        {{ median_of_money('customer_segments.monetary_value') }} as median_monetary_value,
        {{ mean_of_decimals('customer_segments.review_score') }} as mean_review_score
    from customer_segments
    left join half_way on true
    group by 1

),

profiled as (

    select
        clusters.segment_id,
        clusters.segment_name,
        clusters.model_id,
        clusters.description,
        clusters.recommended_action,
        coalesce(aggregated.customers, 0) as customers,
        cast(coalesce(aggregated.revenue, 0) as decimal(18, 2)) as revenue,
        coalesce(aggregated.customers_above, 0) + coalesce(needed_half_way.customers, 0)
            as half_revenue_customers,
        aggregated.median_recency_days,
        aggregated.mean_frequency,
        aggregated.median_monetary_value,
        aggregated.mean_review_score
    from clusters
    left join aggregated on clusters.segment_id = aggregated.segment_id
    left join needed_half_way on clusters.segment_id = needed_half_way.segment_id

)

select
    *,
    {{ sql_string(var('currency')) }} as currency,
    {{ sql_string(var('locale')) }} as locale,
    customers / sum(customers) over () as share,
    cast(revenue as double) / nullif(sum(revenue) over (), 0) as revenue_share
from profiled
order by segment_id
