{%- set policy_in_use = refit_policy() %}
{%- set threshold = agreement_threshold() %}
{%- set probability = var('schedule_probability') %}
{%- set reason = refit_reason(
    'replayed.policy',
    'replayed.every_weeks',
    'refits.evaluation_date',
    'replayed.in_use_since',
    'agreements.is_contract_broken',
    'not replayed.is_assessable and refits.is_assessable',
) %}
{%- set intervals = var('schedule_every_weeks') + [var('refit_every_weeks')] %}

with recursive

models as (

    select * from {{ ref('segment_models') }}

),

stability as (

    select * from {{ ref('segment_stability') }}

),

endings as (

    select
        origin_model_id,
        model_id,
        is_recentred,
        bool_or(is_contract_broken) as is_contract_broken
    from {{ ref('monitoring_clauses') }}
    group by 1, 2, 3

),

readings as {{ materialized() }} (

    -- What each pair of models says of a policy: `recentre` takes ageing out.
    select
        stability.origin_model_id,
        stability.model_id,
        stability.evaluation_date,
        stability.customers,
        endings.is_recentred,
        endings.is_contract_broken,
        case
            when endings.is_recentred
                then coalesce(stability.structural_agreement, stability.adjusted_rand_index)
            else stability.adjusted_rand_index
        end as adjusted_rand_index,
        case
            when endings.is_recentred
                then coalesce(stability.structural_matched_agreement, stability.matched_agreement)
            else stability.matched_agreement
        end as matched_agreement
    from stability
    inner join endings
        on
            stability.origin_model_id = endings.origin_model_id
            and stability.model_id = endings.model_id

),

model_decisions as (

    -- For a policy that cannot be replayed: what was decided by hand.
    select * from {{ ref('segment_model_decisions') }}

),

survival_curves as (

    select * from {{ ref('monitoring_survival') }}
    where subject_kind = 'candidate'

),

intervals as (

    select * from {{ ref('monitoring_recommended_intervals') }}
    where subject_kind = 'candidate'

),

forecasts as (

    -- Of the model in use.
    select * from {{ ref('maintenance_backtest') }}
    where subject = 'champion' and is_newest

),

champions as (

    select * from models
    where status = 'champion'

),

newest as ({{ newest_candidate('models') }}),

refits as (

    -- What could have been in use: the models of the newest candidate, one an evaluation date.
    select
        models.model_id,
        models.fitted_as_of as evaluation_date,
        own_fits.is_assessable,
        row_number() over (order by models.fitted_as_of) as step
    from models
    inner join newest on models.candidate_id = newest.candidate_id
    inner join stability as own_fits
        on models.model_id = own_fits.origin_model_id and models.model_id = own_fits.model_id

),

policies as (

    select
        'never' as policy,
        cast(null as integer) as every_weeks
    union all
    select
        'on_breach' as policy,
        cast(null as integer) as every_weeks
    union all
    {% if not has_labels() -%}
        select
            'recentre' as policy,
            cast(null as integer) as every_weeks
        union all
    {%- endif %}
    {% for weeks in intervals | unique | sort -%}
        select
            'every {{ weeks }} weeks' as policy,
            {{ weeks }} as every_weeks
        {{ 'union all' if not loop.last }}
    {% endfor %}

),

replayed as (

    select
        policies.policy,
        policies.every_weeks,
        refits.step,
        refits.evaluation_date,
        refits.model_id as model_before,
        refits.model_id as model_after,
        refits.evaluation_date as in_use_since,
        refits.is_assessable
    from policies
    cross join refits
    where refits.step = 1
    union all
    select
        policy,
        every_weeks,
        step,
        evaluation_date,
        model_before,
        case when is_due then model_id else model_before end as model_after,
        case when is_due then evaluation_date else in_use_since end as in_use_since,
        case when is_due then is_refit_assessable else is_assessable end as is_assessable
    from (
        select
            replayed.policy,
            replayed.every_weeks,
            replayed.in_use_since,
            replayed.model_after as model_before,
            replayed.is_assessable,
            refits.is_assessable as is_refit_assessable,
            refits.step,
            refits.evaluation_date,
            refits.model_id,
            {{ reason }} is not null as is_due
        from replayed
        inner join refits on replayed.step + 1 = refits.step
        inner join readings as agreements
            on
                replayed.model_after = agreements.origin_model_id
                and refits.model_id = agreements.model_id
                and (replayed.policy = 'recentre') = agreements.is_recentred
    ) as met

),

evaluations as (

    select
        policy,
        step,
        model_before,
        model_after,
        evaluation_date
    from replayed
    union all
    select
        'manual' as policy,
        decision_number as step,
        previous_model_id as model_before,
        model_id as model_after,
        evaluation_date
    from model_decisions
    where {{ sql_string(policy_in_use) }} = 'manual'

),

costs as (

    -- The model in use meets the refit of each evaluation date before one is decided on.
    select
        evaluations.policy,
        count(*) as evaluations,
        count(*) filter (where evaluations.model_before != evaluations.model_after) as refits,
        max(
            case
                when evaluations.step = 1 or evaluations.model_before != evaluations.model_after
                    then evaluations.evaluation_date
            end
        ) as in_use_since,
        {{ mean_in_order('agreements.adjusted_rand_index', ['evaluations.step']) }}
            as mean_adjusted_rand_index,
        count(*) filter (where agreements.adjusted_rand_index < {{ threshold }})
            as evaluations_below_threshold,
        {{ mean_in_order('1 - agreements.matched_agreement', ['evaluations.step']) }}
            as misplaced_share,
        sum(
            case
                when evaluations.model_before != evaluations.model_after
                    then (1 - agreements.matched_agreement) * agreements.customers
            end
        ) as relabelled_customers
    from evaluations
    left join readings as agreements
        on
            evaluations.model_before = agreements.origin_model_id
            and evaluations.evaluation_date = agreements.evaluation_date
            and (evaluations.policy = 'recentre') = agreements.is_recentred
    group by 1

),

survival as (

    select survival_curves.*
    from survival_curves
    inner join newest on survival_curves.subject = newest.candidate_id
    where survival_curves.season = 'all'

),

lasting as (

    select
        coalesce(max(at_risk), 0) as origins,
        cast(coalesce(sum(breached), 0) as bigint) as breached_origins,
        {{ weeks_until(0.9) }} as p10_weeks_until_breach,
        {{ weeks_until(0.5) }} as median_weeks_until_breach,
        {{ weeks_until(0.1) }} as p90_weeks_until_breach
    from survival

),

scheduled as (

    select
        costs.policy,
        -- The policy in use counts from the champion, which another candidate or hand may have set.
        case
            when costs.policy = {{ sql_string(policy_in_use) }} then champions.champion_from
            else costs.in_use_since
        end
        + policies.every_weeks * interval '7' day as refit_date
    from costs
    cross join champions
    left join policies on costs.policy = policies.policy

),

expected as (

    select
        champions.model_id,
        forecasts.status,
        forecasts.tried_dates,
        forecasts.tried_not_before_kept_share,
        forecasts.tried_by_kept_share,
        champions.fitted_as_of
        + cast(round(forecasts.not_before_weeks * 7) as integer) * interval '1' day
            as breach_not_before,
        champions.fitted_as_of
        + cast(round(forecasts.most_likely_weeks * 7) as integer) * interval '1' day
            as breach_most_likely,
        champions.fitted_as_of
        + cast(round(forecasts.by_weeks * 7) as integer) * interval '1' day as breach_by
    from champions
    left join forecasts on champions.model_id = forecasts.model_id

),

recommended as (

    select
        lasting.*,
        intervals.kept_interval_weeks,
        intervals.recommended_interval_weeks,
        coalesce(intervals.past_dates, 0) as past_dates,
        intervals.later_kept as later_kept_share
    from lasting
    cross join newest
    left join intervals on newest.candidate_id = intervals.subject

),

told as (

    select
        case
            when recommended.recommended_interval_weeks is not null
                then
                    'Refit every '
                    || {{ counted('recommended.recommended_interval_weeks', 'week') }}
                    || ' to keep the contract: intervals found in this way on '
                    || {{ counted('recommended.past_dates', 'past date') }} || ' were kept by '
                    || printf('%.0f %%', 100 * recommended.later_kept_share)
                    || ' of the models fitted after them.'
            when recommended.origins = 0
                then 'No model could be followed so far: how long one lasts is not known.'
            when recommended.breached_origins = 0
                then
                    'Of ' || {{ counted('recommended.origins', 'model') }} || ' followed so far '
                    || 'none has broken its contract: how long one lasts is not known.'
            when recommended.kept_interval_weeks is null
                then
                    'No interval between refits is recommended: of '
                    || {{ counted('recommended.origins', 'model') }} || ' too few have been '
                    || 'followed for long, or too few of them kept their contract.'
            when recommended.later_kept_share < {{ probability }}
                then
                    'No interval between refits kept its promise of '
                    || printf('%.0f %%', 1e2 * {{ probability }}) || ': those found on '
                    || {{ counted('recommended.past_dates', 'past date') }} || ' were kept by '
                    || printf('%.0f %%', 100 * recommended.later_kept_share)
                    || ' of the models fitted after them. The models so far would give '
                    || {{ counted('recommended.kept_interval_weeks', 'week') }} || '.'
            else
                'No interval between refits is recommended yet: '
                || printf('%.0f %%', 1e2 * {{ probability }})
                || ' of the models so far lasted longer than '
                || {{ counted('recommended.kept_interval_weeks', 'week') }}
                || ', but too few later ones show whether that holds.'
        end as about_interval,
        case coalesce(expected.status, 'no contract to forecast')
            when 'issued'
                then
                    'The contract of the model in use breaks not before '
                    || {{ iso_date('expected.breach_not_before') }} || ' in nine of ten cases, by '
                    || {{ iso_date('expected.breach_most_likely') }} || ' in half of them, and by '
                    || {{ iso_date('expected.breach_by') }} || ' in nine of ten.'
            when 'the contract is broken'
                then 'The contract of the model in use is broken.'
            when 'no contract to forecast'
                then 'The model in use has no contract that could be forecast.'
            when 'not evaluated'
                then
                    'When the model in use breaks is not forecast: the newest evaluation date '
                    || 'tells nothing of it.'
            when 'too few claims were kept'
                then
                    'When the model in use breaks is not forecast: past forecasts were kept too '
                    || 'rarely.'
            else
                'When the model in use breaks is not forecast: the history is too short to show '
                || 'that a forecast holds.'
        end as about_model_in_use,
        case
            when
                expected.tried_not_before_kept_share is not null
                and expected.tried_by_kept_share is not null
                then
                    printf(
                        ' Of the forecasts tried so far, %.0f %% kept the first date and %.0f %% '
                        || 'the last.',
                        100 * expected.tried_not_before_kept_share,
                        100 * expected.tried_by_kept_share
                    )
            else ''
        end as about_record
    from recommended
    cross join expected

),

next_evaluation as (

    select
        max(evaluation_date)
        + {{ var('evaluation_interval_weeks') }} * interval '7' day as evaluation_date
    from refits

)

select
    costs.policy,
    costs.policy = {{ sql_string(policy_in_use) }} as is_in_use,
    recommended.origins,
    recommended.breached_origins,
    recommended.median_weeks_until_breach,
    recommended.p10_weeks_until_breach,
    recommended.p90_weeks_until_breach,
    cast({{ probability }} as double) as probability,
    recommended.kept_interval_weeks,
    recommended.past_dates,
    recommended.later_kept_share,
    recommended.recommended_interval_weeks,
    expected.breach_not_before,
    expected.breach_most_likely,
    expected.breach_by,
    -- Models are replaced at evaluation dates: at the first one from the date on that is still to
    -- come. When somebody labels next, nobody knows.
    case
        when scheduled.refit_date is not null and {{ 'false' if has_labels() else 'true' }}
            then
                next_evaluation.evaluation_date
                + cast(ceil(
                    greatest(
                        {{ elapsed_days(
                            'next_evaluation.evaluation_date', 'scheduled.refit_date'
                        ) }},
                        0
                    ) / {{ 7 * var('evaluation_interval_weeks') }}.0
                ) as integer) * {{ var('evaluation_interval_weeks') }} * interval '7' day
    end as next_refit_date,
    costs.evaluations,
    costs.refits,
    costs.mean_adjusted_rand_index,
    costs.evaluations_below_threshold,
    costs.misplaced_share,
    cast(round(coalesce(costs.relabelled_customers, 0)) as bigint) as relabelled_customers,
    told.about_interval || ' ' || told.about_model_in_use || told.about_record as sentence
from costs
cross join recommended
cross join expected
cross join told
cross join next_evaluation
inner join scheduled on costs.policy = scheduled.policy
order by is_in_use desc, costs.refits asc, costs.policy asc
