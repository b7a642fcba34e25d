{{ config(materialized='incremental', full_refresh=false) }}

{%- set features = scored_models().features %}

with

customer_facts as {{ not_materialized() }} (

    select * from {{ ref('int_customer_facts') }}

),

customer_versions as {{ not_materialized() }} (

    select * from {{ ref('int_customer_versions') }}

),

cutoffs as (

    select * from {{ ref('int_cutoffs') }}

),

model_pairs as (

    select * from {{ ref('monitoring_model_pairs') }}

),

evaluations as (

    select * from {{ ref('champion_evaluations') }}

),

first_models as (

    select
        origin_model_id,
        model_id,
        evaluation_date
    from model_pairs
    where weeks > 0
    qualify
        row_number() over (partition by model_id order by weeks desc) = 1

),

paired as (

    -- The champion before the decision, and the first model, for those who never refit.
    select
        origin_model_id,
        model_id,
        evaluation_date,
        is_recentred
    from evaluations
    union all
    select
        first_models.*,
        false as is_recentred
    from first_models
    anti join evaluations
        on
            first_models.origin_model_id = evaluations.origin_model_id
            and first_models.model_id = evaluations.model_id

),

followed as ({{ followed_dates('cutoffs') }}),

due_pairs as (

    select
        paired.*,
        followed.horizon_days,
        followed.followed_to
    from paired
    inner join followed on paired.evaluation_date = followed.cutoff
    {%- if is_incremental() %}
        anti join {{ this }} as known
            on
                paired.origin_model_id = known.origin_model_id
                and paired.model_id = known.model_id
                and followed.horizon_days = known.horizon_days
    {%- endif %}

),

due as (

    select distinct
        evaluation_date as cutoff,
        horizon_days,
        followed_to
    from due_pairs

),

dates as (

    select distinct cutoff
    from due

),

pairs as (

    select distinct
        origin_model_id,
        model_id,
        evaluation_date,
        is_recentred
    from due_pairs

),

purchases as ({{ later_purchases('customer_facts', 'due') }}),

sampled as (

    -- By who the customers are; the half by another digit than those that the sample goes by.
    select
        customer_number,
        case when right(md5(customer_id), 1) < '8' then 0 else 1 end as half
    from customer_versions
    where valid_to = {{ end_of_time() }}
    qualify
        row_number() over (order by md5(customer_id)) <= {{ var('max_exact_customers') }}

),

versions_of_sampled as {{ not_materialized() }} (

    select customer_versions.*
    from customer_versions
    semi join sampled on customer_versions.customer_number = sampled.customer_number

),

customer_features as ({{ features_at('dates', 'versions_of_sampled') }}),

to_origin as (

    select
        customer_features.*,
        sampled.half,
        pairs.origin_model_id as model_id,
        pairs.model_id as refit_model_id,
        case when pairs.is_recentred then pairs.model_id else pairs.origin_model_id end
            as scaling_model_id
    from customer_features
    -- All of them are sampled, and have a pair; why not inner joins, says assign_clusters.
    left join sampled on customer_features.customer_number = sampled.customer_number
    left join pairs on customer_features.cutoff = pairs.evaluation_date

),

by_origin as ({{ assign_clusters('to_origin', scaling='scaling_model_id') }}),

to_refit as (

    select
        {{ features | join(', ') }},
        cutoff,
        customer_number,
        half,
        model_id as origin_model_id,
        cluster as origin_cluster,
        refit_model_id as model_id
    from by_origin

),

by_refit as ({{ assign_clusters('to_refit') }}),

bought as (

    -- One row per customer: all horizons in one pass over the customers.
    select
        {% for days in outcome_horizons() %}
            sum(case when horizon_days = {{ days }} then revenue end) as revenue_{{ days }},
        {% endfor %}
        cutoff,
        customer_number
    from purchases
    group by cutoff, customer_number

),

counted as {{ materialized() }} (

    select
        by_refit.origin_model_id,
        by_refit.model_id,
        by_refit.half,
        by_refit.origin_cluster,
        by_refit.cluster,
        {% for days in outcome_horizons() %}
            count(bought.revenue_{{ days }}) as buyers_{{ days }},
            sum(bought.revenue_{{ days }}) as revenue_{{ days }},
            sum(
                cast({{ square_of('bought.revenue_' ~ days) }} as decimal(38, 4))
            ) as revenue_squares_{{ days }},
        {% endfor %}
        count(*) as customers
    from by_refit
    left join bought
        on
            by_refit.cutoff = bought.cutoff
            and by_refit.customer_number = bought.customer_number
    group by 1, 2, 3, 4, 5

),

by_horizon as (

    {% for days in outcome_horizons() %}
        select
            origin_model_id,
            model_id,
            half,
            origin_cluster,
            cluster,
            {{ days }} as horizon_days,
            customers,
            buyers_{{ days }} as buyers,
            revenue_{{ days }} as revenue,
            revenue_squares_{{ days }} as revenue_squares
        from counted
        {{ 'union all' if not loop.last }}
    {% endfor %}

)

select
    due_pairs.origin_model_id,
    due_pairs.model_id,
    due_pairs.evaluation_date,
    cast(due_pairs.horizon_days as integer) as horizon_days,
    by_horizon.half,
    by_horizon.origin_cluster,
    by_horizon.cluster,
    cast(by_horizon.customers as bigint) as customers,
    cast(by_horizon.buyers as bigint) as buyers,
    cast(coalesce(by_horizon.revenue, 0) as double) as revenue,
    cast(coalesce(by_horizon.revenue_squares, 0) as double) as revenue_squares
from due_pairs
inner join by_horizon
    on
        due_pairs.origin_model_id = by_horizon.origin_model_id
        and due_pairs.model_id = by_horizon.model_id
        and due_pairs.horizon_days = by_horizon.horizon_days
order by
    due_pairs.origin_model_id,
    due_pairs.model_id,
    due_pairs.horizon_days,
    by_horizon.half,
    by_horizon.origin_cluster,
    by_horizon.cluster
