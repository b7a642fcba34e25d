{{ config(materialized='incremental', full_refresh=false) }}

{%- set policy = refit_policy() %}
{%- set reason = refit_reason(
    sql_string(policy),
    var('refit_every_weeks') if var('refit_policy') == 'every' else 'cast(null as integer)',
    'challengers.evaluation_date',
    'decisions.champion_from',
    'agreements.is_contract_broken',
    'coalesce(assessable_challengers.is_assessable and not assessable_champions.is_assessable, false)',
) %}

with recursive

models as (

    select * from {{ ref('training_models') }}

),

chosen as (

    select * from {{ ref('selection_chosen_candidate') }}

),

comparisons as (

    select * from {{ ref('monitoring_agreement') }}

),

manual_champions as (

    select * from {{ ref('manual_champions') }}

),

clauses as (

    select * from {{ ref('monitoring_clauses') }} as judged
    where {{ is_reading_in_use('judged') }}

),

endings as (

    select
        origin_model_id,
        model_id,
        bool_or(is_contract_broken) as is_contract_broken
    from clauses
    group by 1, 2

),

assessable as {{ materialized() }} (

    -- By the noise of its own fit; a model that was not evaluated has no say.
    select
        model_id,
        bool_or(is_assessable) as is_assessable
    from clauses
    where clause = 'agreement' and origin_model_id = model_id
    group by 1

),

agreements as {{ materialized() }} (

    select
        comparisons.origin_model_id,
        comparisons.model_id,
        {% if is_recentring() -%}
            coalesce(comparisons.structural_agreement, comparisons.adjusted_rand_index)
                as adjusted_rand_index,
        {%- else -%}
            comparisons.adjusted_rand_index,
        {%- endif %}
        comparisons.structural_agreement is not null as is_recentrable,
        coalesce(endings.is_contract_broken, false) as is_contract_broken
    from comparisons
    left join endings
        on
            comparisons.origin_model_id = endings.origin_model_id
            and comparisons.model_id = endings.model_id

),

{% if is_incremental() -%}
    decided as (

        select
            max(decision_number) as decision_number,
            max(evaluation_date) as evaluation_date,
            max_by(model_id, decision_number) as model_id,
            max(evaluation_date) filter (where is_takeover) as champion_from,
            -- No name stands for its own scaling here, because max_by passes over nulls.
            nullif(
                max_by(
                    case when is_takeover then '' else coalesce(previous_scaling_model_id, '') end,
                    decision_number
                ),
                ''
            ) as scaling_model_id
        from {{ this }}
        having count(*) > 0

    ),
{%- else -%}
    decided as (

        select
            0 as decision_number,
            {{ start_of_time() }} as evaluation_date,
            cast(null as string) as model_id,
            cast(null as timestamp) as champion_from,
            cast(null as string) as scaling_model_id
        where false

    ),
{%- endif %}

{% if has_labels() -%}
    label_dates as {{ materialized() }} (

        select * from {{ ref('training_label_dates') }}

    ),
{%- endif %}

challengers as (

    -- The newest date that is decided is decided again: the settings may now name another champion.
    {% if has_labels() -%}
        -- Of the label sets that label at a date the one that began last.
        select
            models.model_id,
            models.candidate_id,
            models.fitted_as_of,
            label_dates.labelled_at as evaluation_date,
            dense_rank() over (order by label_dates.labelled_at) as step
        from label_dates
        inner join models on label_dates.label_set = models.model_id
        where
            label_dates.labelled_at
            >= coalesce((select decided.evaluation_date from decided), {{ start_of_time() }})
        qualify
            row_number() over (
                partition by label_dates.labelled_at order by models.fitted_as_of desc
            ) = 1
    {%- else -%}
        select
            models.model_id,
            models.candidate_id,
            models.fitted_as_of,
            models.fitted_as_of as evaluation_date,
            row_number() over (order by models.fitted_as_of) as step
        from models
        inner join chosen on models.candidate_id = chosen.candidate_id
        where
            models.fitted_as_of
            >= coalesce((select decided.evaluation_date from decided), {{ start_of_time() }})
    {%- endif %}

),

named_by_hand as (

    select
        challengers.step,
        max_by(manual_champions.model_id, manual_champions.champion_from) as model_id
    from challengers
    inner join manual_champions on challengers.evaluation_date >= manual_champions.champion_from
    -- A name that the registry does not know by then is passed over; a test tells.
    inner join models
        on
            manual_champions.model_id = models.model_id
            and challengers.evaluation_date >= models.fitted_as_of
    group by 1

),

decisions as (

    select
        0 as step,
        decided.evaluation_date,
        decided.model_id,
        decided.champion_from,
        decided.scaling_model_id,
        cast(null as string) as previous_model_id,
        cast(null as string) as previous_scaling_model_id,
        cast(null as string) as challenger_model_id,
        cast(null as string) as decision,
        cast(null as double) as adjusted_rand_index
    from decided
    union all
    select
        step,
        evaluation_date,
        model_id,
        evaluation_date as champion_from,
        cast(null as string) as scaling_model_id,
        cast(null as string) as previous_model_id,
        cast(null as string) as previous_scaling_model_id,
        model_id as challenger_model_id,
        'first model' as decision,
        cast(null as double) as adjusted_rand_index
    from challengers
    where step = 1 and not exists (select 1 from decided)
    union all
    select
        step,
        evaluation_date,
        case
            when reason is null then previous_model_id
            when reason = 'named by hand' then named_model_id
            else challenger_model_id
        end as model_id,
        case when reason is null then champion_from else evaluation_date end as champion_from,
        case when reason is null then previous_scaling_model_id end as scaling_model_id,
        previous_model_id,
        previous_scaling_model_id,
        challenger_model_id,
        case
            when reason is not null then reason
            when coalesce(previous_scaling_model_id, '') = coalesce(scaling_before, '') then 'kept'
            when previous_scaling_model_id is not null then 're-centred'
            else 'own scaling'
        end as decision,
        adjusted_rand_index
    from (
        select
            challengers.step,
            challengers.evaluation_date,
            decisions.champion_from,
            decisions.model_id as previous_model_id,
            challengers.model_id as challenger_model_id,
            named_by_hand.model_id as named_model_id,
            decisions.scaling_model_id as scaling_before,
            {% if is_recentring() -%}
                -- Where another candidate is fitted, the scaling stays as it was.
                case
                    when agreements.origin_model_id is null then decisions.scaling_model_id
                    when agreements.is_recentrable
                        then nullif(challengers.model_id, decisions.model_id)
                end
            {%- else -%}
                cast(null as string)
            {%- endif %} as previous_scaling_model_id,
            -- Of the date at which the challenger began.
            case
                when challengers.fitted_as_of = challengers.evaluation_date
                    then agreements.adjusted_rand_index
            end as adjusted_rand_index,
            {% if policy == 'never' -%}
                cast(null as string)
            {%- elif policy == 'manual' -%}
                case when named_by_hand.model_id != decisions.model_id then 'named by hand' end
            {%- else -%}
                case
                    when
                        champions.candidate_id != challengers.candidate_id
                        and coalesce(assessable_challengers.is_assessable, true)
                        then 'candidate changed'
                    {% if has_labels() -%}
                        when challengers.fitted_as_of <= champions.fitted_as_of then null
                        {% if policy == 'on_breach' -%}
                            when labels_of_champion.label_set is null then 'labels ended'
                        {%- endif %}
                    {%- endif %}
                    when champions.candidate_id = challengers.candidate_id then {{ reason }}
                end
            {%- endif %} as reason
        from decisions
        inner join challengers on decisions.step + 1 = challengers.step
        inner join models as champions on decisions.model_id = champions.model_id
        left join agreements
            on
                decisions.model_id = agreements.origin_model_id
                and challengers.model_id = agreements.model_id
        left join assessable as assessable_champions
            on decisions.model_id = assessable_champions.model_id
        left join assessable as assessable_challengers
            on challengers.model_id = assessable_challengers.model_id
        left join named_by_hand on challengers.step = named_by_hand.step
        {% if has_labels() -%}
            left join label_dates as labels_of_champion
                on
                    decisions.model_id = labels_of_champion.label_set
                    and challengers.evaluation_date = labels_of_champion.labelled_at
        {%- endif %}
    ) as decided_at_step

),

made_now as (

    select decisions.*
    from decisions
    left join decided on decisions.step > 0
    where
        decisions.step > 0
        and (
            decisions.evaluation_date
            > coalesce(decided.evaluation_date, {{ start_of_time() }})
            or decisions.decision != 'kept'
        )

)

select
    cast(
        coalesce((select decided.decision_number from decided), 0)
        + row_number() over (order by step) as integer
    ) as decision_number,
    evaluation_date,
    model_id,
    previous_model_id,
    previous_scaling_model_id,
    challenger_model_id,
    {{ sql_string(policy) }} as policy,
    decision,
    decision not in ('kept', 're-centred', 'own scaling') as is_takeover,
    adjusted_rand_index
from made_now
order by decision_number
