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

from_the_largest as (

    select
        *,
        sum(monetary_value) over (order by monetary_value desc, customer_id asc) - monetary_value
            as revenue_before,
        sum(monetary_value) over () as revenue_of_all
    from customer_segments

),

aggregated as (

    select
        segment_id,
        count(*) as customers,
        count(case when 2 * revenue_before < revenue_of_all then 1 end) as half_revenue_customers,
        sum(monetary_value) as revenue,
        median(recency_days) as median_recency_days,
        avg(frequency) as mean_frequency,
        {{ median_of_money('monetary_value') }} as median_monetary_value,
        {{ mean_of_decimals('review_score') }} as mean_review_score
    from from_the_largest
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
        coalesce(aggregated.half_revenue_customers, 0) as half_revenue_customers,
        aggregated.median_recency_days,
        aggregated.mean_frequency,
        aggregated.median_monetary_value,
        aggregated.mean_review_score
    from clusters
    left join aggregated on clusters.segment_id = aggregated.segment_id

)

select
    *,
    {{ sql_string(var('currency')) }} as currency,
    {{ sql_string(var('locale')) }} as locale,
    customers / sum(customers) over () as share,
    cast(revenue as double) / nullif(sum(revenue) over (), 0) as revenue_share
from profiled
order by segment_id
