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

model_decisions as (

    -- For a policy that cannot be replayed: what was decided by hand.
    select * from {{ ref('segment_model_decisions') }}

),

survival_curves as (

    select * from {{ ref('monitoring_survival') }}
    where subject_kind = 'candidate'

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
        inner join stability as agreements
            on
                replayed.model_after = agreements.origin_model_id
                and refits.model_id = agreements.model_id
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
    left join stability as agreements
        on
            evaluations.model_before = agreements.origin_model_id
            and evaluations.evaluation_date = agreements.evaluation_date
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
        {{ weeks_until(0.1) }} as p90_weeks_until_breach,
        {{ recommended_interval('survival', probability) }} as recommended_interval_weeks,
        {{ recommended_interval('survival_low', probability) }} as shortest_interval_weeks,
        {{ recommended_interval('survival_high', probability) }} as longest_interval_weeks
    from survival

),

expected as (

    select
        costs.policy,
        -- The policy in use counts from the champion, which another candidate or hand may have set.
        case
            when costs.policy = {{ sql_string(policy_in_use) }} then champions.champion_from
            else costs.in_use_since
        end
        + case
            when policies.every_weeks is not null then policies.every_weeks
            when costs.policy = 'on_breach' then lasting.recommended_interval_weeks
        end * interval '7' day as refit_date
    from costs
    cross join lasting
    cross join champions
    left join policies on costs.policy = policies.policy

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
    lasting.origins,
    lasting.breached_origins,
    lasting.median_weeks_until_breach,
    lasting.p10_weeks_until_breach,
    lasting.p90_weeks_until_breach,
    cast({{ probability }} as double) as probability,
    lasting.recommended_interval_weeks,
    lasting.shortest_interval_weeks,
    lasting.longest_interval_weeks,
    -- Models are replaced at evaluation dates: at the first one from the date on that is still to
    -- come.
    case
        when expected.refit_date is not null
            then
                next_evaluation.evaluation_date
                + cast(ceil(
                    greatest(
                        {{ elapsed_days(
                            'next_evaluation.evaluation_date', 'expected.refit_date'
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
    cast(round(coalesce(costs.relabelled_customers, 0)) as bigint) as relabelled_customers
from costs
cross join lasting
cross join next_evaluation
inner join expected on costs.policy = expected.policy
order by is_in_use desc, costs.refits asc, costs.policy asc
