with

models as (

    select * from {{ ref('training_models') }}

),

chosen as (

    select * from {{ ref('selection_chosen_candidate') }}

),

champion_periods as (

    select * from {{ ref('champion_takeovers') }}

),

observations as (

    select * from {{ ref('training_observations') }}

),

customers_then as (

    select
        candidate_id,
        cutoff,
        sum(customers) as customers,
        sum(orders) as orders,
        sum(revenue) as revenue
    from observations
    group by 1, 2

),

customer_features as (

    select * from {{ ref('int_customer_features') }}

),

customers_now as (

    select
        cutoff,
        count(*) as customers,
        cast(sum(frequency) as bigint) as orders,
        cast(sum(monetary_value) as decimal(18, 2)) as revenue
    from customer_features
    group by 1

),

last_champion_periods as (

    select
        model_id,
        max(champion_period) as champion_period,
        max_by(champion_from, champion_period) as champion_from,
        max_by(coalesce(champion_to, {{ end_of_time() }}), champion_period) as champion_to,
        bool_or(is_current) as is_current
    from champion_periods
    group by 1

),

newest_challenger as (

    select max_by(models.model_id, models.fitted_as_of) as model_id
    from models
    inner join chosen on models.candidate_id = chosen.candidate_id

)

select
    models.model_id,
    models.candidate_id,
    models.algorithm,
    models.feature_set,
    models.n_segments,
    models.random_state as seed,
    models.n_init,
    models.fitted_as_of,
    models.customers,
    models.inertia,
    models.silhouette,
    models.silhouette_standard_error,
    models.smallest_share,
    case
        when last_champion_periods.is_current then 'champion'
        when newest_challenger.model_id is not null then 'challenger'
        when last_champion_periods.model_id is not null then 'former champion'
        else 'evaluated'
    end as status,
    last_champion_periods.champion_from,
    nullif(last_champion_periods.champion_to, {{ end_of_time() }}) as champion_to,
    -- Facts dated before the fit that came after it, or went; null when the date is not evaluated
    -- any more.
    cast(customers_now.customers - customers_then.customers as bigint) as late_arriving_customers,
    cast(customers_now.orders - customers_then.orders as bigint) as late_arriving_orders,
    cast(customers_now.revenue - customers_then.revenue as decimal(18, 2)) as late_arriving_revenue,
    models.data_fingerprint,
    models.library_versions
from models
inner join customers_then
    on
        models.candidate_id = customers_then.candidate_id
        and models.fitted_as_of = customers_then.cutoff
left join customers_now on models.fitted_as_of = customers_now.cutoff
left join last_champion_periods on models.model_id = last_champion_periods.model_id
left join newest_challenger on models.model_id = newest_challenger.model_id
order by models.fitted_as_of, models.model_id
