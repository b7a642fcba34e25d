with

scores as (

    select * from {{ ref('champion_outcome_scores') }}

),

evaluations as (

    select * from {{ ref('champion_evaluations') }}

),

stability as (

    select * from {{ ref('segment_stability') }}

),

described as (

    select
        scores.*,
        stability.weeks,
        case
            when evaluations.is_recentred then stability.structural_agreement
            else stability.adjusted_rand_index
        end as adjusted_rand_index,
        coalesce(evaluations.is_recentred, false) as is_recentred,
        evaluations.origin_model_id is not null as is_champion,
        coalesce(evaluations.is_takeover, false) as is_takeover,
        {{ is_loss_assessable('scores') }} as is_assessable
    from scores
    inner join stability
        on
            scores.origin_model_id = stability.origin_model_id
            and scores.model_id = stability.model_id
    left join evaluations
        on
            scores.origin_model_id = evaluations.origin_model_id
            and scores.model_id = evaluations.model_id

)

select
    evaluation_date,
    horizon_days,
    origin_model_id,
    model_id,
    is_champion,
    is_takeover,
    is_recentred,
    weeks,
    adjusted_rand_index,
    customers,
    buyers,
    is_assessable,
    frozen_auc,
    refit_auc,
    auc_loss,
    auc_loss_low,
    auc_loss_high,
    frozen_explained as frozen_explained_revenue,
    refit_explained as refit_explained_revenue,
    explained_loss as explained_revenue_loss,
    explained_loss_low as explained_revenue_loss_low,
    explained_loss_high as explained_revenue_loss_high,
    case
        when not is_assessable
            then
                printf(
                    'Of %d customers %d bought within %d days: too few to tell what waiting costs.',
                    customers, buyers, horizon_days
                )
        else
            case
                when auc_loss_low > 0 then 'Waiting costs'
                when auc_loss_high < 0 then 'The older model is the better one'
                else 'Waiting costs nothing measurable'
            end
            || printf(
                ': %s %s after its fit the model told who buys in the next %d days with an area '
                || 'under the ROC curve of %.3f, a refit with %.3f; the refit is better by %.3f '
                || '(%.3f to %.3f).',
                {{ plain_number('weeks') }},
                case when weeks = 1 then 'week' else 'weeks' end,
                horizon_days,
                frozen_auc,
                refit_auc,
                auc_loss,
                auc_loss_low,
                auc_loss_high
            )
    end as sentence
from described
order by evaluation_date, horizon_days, origin_model_id
