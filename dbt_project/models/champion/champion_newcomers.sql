{{ config(materialized='incremental', full_refresh=false) }}

{%- set features = scored_models().features %}

with

customer_versions as {{ not_materialized() }} (

    select * from {{ ref('int_customer_versions') }}

),

windows as (

    select * from {{ ref('champion_windows') }}

),

first_orders as (

    select
        customer_number,
        min(valid_from) as came_at
    from customer_versions
    group by 1

),

due as (

    select windows.*
    from windows
    {%- if is_incremental() %}
        anti join {{ this }} as known
            on
                windows.origin_model_id = known.origin_model_id
                and windows.cutoff = known.cutoff
    {%- endif %}

),

dates as (

    select distinct cutoff
    from due

),

-- Up to four weeks after the first order.
newcomers as (

    select
        dates.cutoff,
        first_orders.customer_number,
        first_orders.came_at
    from first_orders
    inner join dates
        on
            first_orders.came_at < dates.cutoff
            and first_orders.came_at >= dates.cutoff - interval '28' day

),

numbered as (

    select
        *,
        row_number() over (partition by cutoff order by customer_number) as newcomer,
        count(*) over (partition by cutoff) as newcomers
    from newcomers

),

-- Of many each second one, or third, and so on.
looked_at as {{ materialized() }} (

    select
        cutoff,
        customer_number,
        came_at
    from numbered
    where newcomer % cast(ceil(newcomers / 20000e0) as bigint) = 0

),

customers_looked_at as (

    select distinct
        customer_number,
        came_at
    from looked_at

),

versions_of_newcomers as (

    -- Up to the end of the four weeks: so they meet few dates.
    select
        {{ star_except(['valid_to'], 'customer_versions') }},  -- noqa: RF02
        least(
            customer_versions.valid_to, customers_looked_at.came_at + interval '28' day
        ) as valid_to
    from customer_versions
    inner join customers_looked_at
        on customer_versions.customer_number = customers_looked_at.customer_number
    where customer_versions.valid_from < customers_looked_at.came_at + interval '28' day

),

features_of_newcomers as ({{ known_customers('dates', 'versions_of_newcomers', none) }}),

to_origin as (

    -- Their recency among all customers is not known.
    select
        features_of_newcomers.*,
        cast(null as double) as recency_rank,
        cast(null as double) as recency_share,
        due.origin_model_id as model_id,
        due.model_id as refit_model_id
    from features_of_newcomers
    inner join looked_at
        on
            features_of_newcomers.cutoff = looked_at.cutoff
            and features_of_newcomers.customer_number = looked_at.customer_number
    inner join due on features_of_newcomers.cutoff = due.cutoff

),

by_origin as {{ materialized() }} ({{ assign_clusters('to_origin') }}),

to_refit as (

    -- Up to the fit there is no refit.
    select
        {% for feature in features %}
            {{ feature }},
            {{ 'cast(null as double)' if has_labels() else feature ~ '_scaled' }}
                as {{ feature }}_by_origin,
        {% endfor %}
        cutoff,
        customer_number,
        model_id as origin_model_id,
        cluster as origin_cluster,
        sqrt(squared_distance) as distance,
        refit_model_id as model_id
    from by_origin

),

by_refit as ({{ assign_clusters('to_refit') }}),

quantities as (

    select
        origin_model_id,
        cutoff,
        origin_cluster,
        cluster,
        'distance' as quantity,
        distance as summand
    from by_refit
    {% for feature in features if not feature.startswith('recency') %}
        union all
        select
            origin_model_id,
            cutoff,
            origin_cluster,
            cluster,
            '{{ feature }}' as quantity,
            {{ feature }}_by_origin as summand
        from by_refit
    {% endfor %}

)

-- As whole millionths: a sum of doubles depends on its order.
select
    origin_model_id,
    cutoff,
    cast(origin_cluster as integer) as origin_cluster,
    cast(cluster as integer) as cluster,
    quantity,
    count(*) as customers,
    cast(sum(cast(round(1e6 * summand) as bigint)) as double) / 1e6 as total,
    cast(sum(cast(round(1e6 * {{ square_of('summand') }}) as bigint)) as double) / 1e6
        as total_of_squares
from quantities
group by 1, 2, 3, 4, 5
order by origin_model_id, cutoff, origin_cluster, cluster, quantity
