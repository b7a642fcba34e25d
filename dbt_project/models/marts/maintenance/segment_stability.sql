with

comparisons as (

    select * from {{ ref('monitoring_agreement') }}

),

model_pairs as (

    select * from {{ ref('monitoring_model_pairs') }}

),

all_clauses as (

    select * from {{ ref('monitoring_clauses') }} as judged
    where {{ is_reading_in_use('judged') }}

),

clauses as (

    select * from all_clauses
    where clause = 'agreement'

),

endings as (

    select
        origin_model_id,
        model_id,
        bool_or(is_contract_broken) as is_contract_broken
    from all_clauses
    group by 1, 2

),

champion_periods as (

    select * from {{ ref('champion_takeovers') }}

)

select
    comparisons.origin_model_id,
    comparisons.model_id,
    model_pairs.evaluation_date,
    cast(model_pairs.weeks as double) as weeks,
    comparisons.customers,
    comparisons.adjusted_rand_index,
    comparisons.structural_agreement,
    comparisons.adjusted_mutual_information,
    comparisons.variation_of_information,
    comparisons.matched_agreement,
    comparisons.structural_matched_agreement,
    comparisons.excess_inertia,
    comparisons.structural_excess_inertia,
    comparisons.revenue,
    comparisons.misplaced_revenue,
    comparisons.structural_misplaced_revenue,
    clauses.noise_agreement,
    clauses.noise_floor,
    clauses.is_assessable,
    clauses.is_broken,
    endings.is_contract_broken,
    champion_periods.champion_period is not null as is_origin_champion
from comparisons
inner join model_pairs
    on
        comparisons.origin_model_id = model_pairs.origin_model_id
        and comparisons.model_id = model_pairs.model_id
inner join clauses
    on
        comparisons.origin_model_id = clauses.origin_model_id
        and comparisons.model_id = clauses.model_id
inner join endings
    on
        comparisons.origin_model_id = endings.origin_model_id
        and comparisons.model_id = endings.model_id
left join champion_periods
    on
        comparisons.origin_model_id = champion_periods.model_id
        and champion_periods.is_current
order by comparisons.origin_model_id, model_pairs.evaluation_date
