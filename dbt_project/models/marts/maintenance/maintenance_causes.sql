{#- Of the agreement: what is not clearly more is not called a cause. -#}
{%- set smallest_effect = 0.02 -%}

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

judged as (

    select
        *,
        case
            when kind not in ('all features', 'noise')
                then agreement_given_back_low > {{ smallest_effect }}
        end as is_attributable,
        kind in ('ageing', 'feature', 'dependence') as is_ranked
    from causes

),

ranked as (

    select
        *,
        case
            when is_attributable and is_ranked
                then
                    row_number() over (
                        partition by origin_model_id, model_id, is_attributable and is_ranked
                        order by agreement_given_back desc, feature asc
                    )
        end as place
    from judged

),

told as (

    select
        ranked.*,
        evaluations.evaluation_date,
        evaluations.weeks,
        stability.adjusted_rand_index as agreement,
        case ranked.kind
            when 'ageing'
                then
                    'With ' || ranked.feature || ', which grows with the calendar, distributed as '
                    || 'at the fit,'
            when 'feature'
                then
                    'With ' || ranked.feature || ' distributed as at the fit among customers of '
                    || 'the same recency,'
            when 'dependence' then 'With features going together as at the fit,'
            when 'all features' then 'With every feature distributed as at the fit,'
            when 'noise' then 'With everything as at the fit'
            else
                case ranked.feature
                    when 'turnover'
                        then
                            'With those who have left since the fit and without those who '
                            || 'have come,'
                    else 'With the customers who have stayed as they were at the fit,'
                end
        end as condition
    from ranked
    inner join evaluations
        on
            ranked.origin_model_id = evaluations.origin_model_id
            and ranked.model_id = evaluations.model_id
    inner join stability
        on
            ranked.origin_model_id = stability.origin_model_id
            and ranked.model_id = stability.model_id

)

select
    evaluation_date,
    origin_model_id,
    model_id,
    weeks,
    feature,
    kind,
    cast(place as integer) as place,
    population_stability_index,
    wasserstein_distance,
    mean_scaled_then,
    mean_scaled_now,
    agreement as adjusted_rand_index,
    adjusted_rand_index as adjusted_rand_index_of_bins,
    -- least() would make 1 of what is not measured.
    case
        when agreement_given_back is not null
            then least(adjusted_rand_index + agreement_given_back, 1.0)
    end as held_adjusted_rand_index,
    agreement_given_back,
    agreement_given_back_low,
    agreement_given_back_high,
    is_attributable,
    case
        when agreement_given_back is null
            then
                printf(
                    'Since the fit the mean of %s has moved by %.2f standard deviations '
                    || '(population stability index %.2f). What that does to the agreement '
                    || 'is measured when a clause is close to its limit.',
                    feature,
                    mean_scaled_now - mean_scaled_then,
                    population_stability_index
                )
        when kind = 'noise'
            then
                printf(
                    '%s %.2f of the agreement would be missing all the same: noise.',
                    condition,
                    agreement_given_back
                )
        when agreement_given_back_high < -{{ smallest_effect }}
            then
                printf(
                    '%s the agreement (%.2f) would be lower by %.2f (%.2f to %.2f): no cause of '
                    || 'what is missing.',
                    condition,
                    agreement,
                    -agreement_given_back,
                    -agreement_given_back_high,
                    -agreement_given_back_low
                )
        when is_attributable is false
            then
                printf(
                    '%s between %.2f and %.2f of the agreement (%.2f) would be given back: not '
                    || 'attributable, as that is not clearly more than {{ smallest_effect }}.',
                    condition,
                    agreement_given_back_low,
                    agreement_given_back_high,
                    agreement
                )
        else
            printf(
                '%s %.2f of the agreement (%.2f) would be given back (%.2f to %.2f).',
                condition,
                agreement_given_back,
                agreement,
                agreement_given_back_low,
                agreement_given_back_high
            )
    end as sentence
from told
order by
    evaluation_date,
    origin_model_id,
    place nulls last,
    feature
