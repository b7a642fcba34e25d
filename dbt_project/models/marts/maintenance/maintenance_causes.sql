with

evaluations as (

    select * from {{ ref('champion_evaluations') }}

),

causes as (

    select * from {{ ref('champion_causes') }}

),

stability as (

    select * from {{ ref('segment_stability') }}

),

ranked as (

    select
        *,
        held_adjusted_rand_index - adjusted_rand_index as agreement_given_back,
        feature = 'all features' as is_total,
        row_number() over (
            partition by origin_model_id, model_id, feature = 'all features'
            order by held_adjusted_rand_index desc, feature asc
        ) as place
    from causes

)

select
    evaluations.evaluation_date,
    ranked.origin_model_id,
    ranked.model_id,
    evaluations.weeks,
    ranked.feature,
    case
        when ranked.held_adjusted_rand_index is not null and not ranked.is_total
            then cast(ranked.place as integer)
    end as place,
    ranked.population_stability_index,
    ranked.wasserstein_distance,
    ranked.mean_scaled_then,
    ranked.mean_scaled_now,
    stability.adjusted_rand_index,
    ranked.adjusted_rand_index as adjusted_rand_index_of_bins,
    ranked.held_adjusted_rand_index,
    ranked.agreement_given_back,
    case
        when ranked.held_adjusted_rand_index is null
            then
                printf(
                    'Since the fit the mean of %s has moved by %.2f standard deviations '
                    || '(population stability index %.2f). What that does to the agreement '
                    || 'is measured when a clause is close to its limit.',
                    ranked.feature,
                    ranked.mean_scaled_now - ranked.mean_scaled_then,
                    ranked.population_stability_index
                )
        when ranked.is_total
            then
                printf(
                    'Every feature distributed as at the fit would give back %.2f of the '
                    || 'agreement (%.2f); what is then missing is how features go together, '
                    || 'and noise.',
                    ranked.agreement_given_back,
                    stability.adjusted_rand_index
                )
        else
            printf(
                'With %s distributed as at the fit, %.2f of the agreement (%.2f) would be '
                || 'given back; since then its mean has moved by %.2f standard deviations '
                || '(population stability index %.2f).',
                ranked.feature,
                ranked.agreement_given_back,
                stability.adjusted_rand_index,
                ranked.mean_scaled_now - ranked.mean_scaled_then,
                ranked.population_stability_index
            )
    end as sentence
from ranked
inner join evaluations
    on
        ranked.origin_model_id = evaluations.origin_model_id
        and ranked.model_id = evaluations.model_id
inner join stability
    on
        ranked.origin_model_id = stability.origin_model_id
        and ranked.model_id = stability.model_id
order by evaluations.evaluation_date, ranked.origin_model_id, ranked.is_total, ranked.place
