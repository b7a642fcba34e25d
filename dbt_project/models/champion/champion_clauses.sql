{%- set data = maintenance_clause('data') %}
{%- set outcome = maintenance_clause('outcome') %}
{%- set value = maintenance_clause('value') %}
{%- set in_errors = ['newcomers', 'recipe'] %}

with

champion_periods as (

    select * from {{ ref('champion_takeovers') }}
    where is_current

),

models as (

    select * from {{ ref('training_models') }}

),

checks as (

    select * from {{ ref('champion_data_checks') }}

),

evaluations as (

    select * from {{ ref('champion_evaluations') }}

),

scores as (

    select * from {{ ref('champion_outcome_scores') }}

),

population_checks as (

    select * from {{ ref('champion_population_checks') }}

),

forecasts as (

    select * from {{ ref('champion_judged_forecasts') }}

),

champion as (

    select
        models.model_id,
        models.fitted_as_of
    from models
    inner join champion_periods on models.model_id = champion_periods.model_id

),

newest_evaluation as (

    -- At which the shop sells as usual, if there is one.
    select
        evaluation_date,
        bool_or(is_assessable) as is_assessable
    from checks
    group by 1
    order by bool_or(is_live) desc, evaluation_date desc
    limit 1

),

jumps as (

    -- A champion that is fitted after a jump has seen the new measure.
    select
        checks.evaluation_date,
        abs(checks.change) as size,
        checks.finding,
        checks.is_lasting,
        checks.is_close,
        checks.evaluation_date = newest_evaluation.evaluation_date as is_newest,
        row_number() over (
            order by
                checks.is_lasting desc,
                abs(checks.change) / checks.largest_usual_change desc,
                checks.finding asc
        ) as size_rank
    from checks
    cross join champion
    cross join newest_evaluation
    where
        (checks.is_lasting and checks.evaluation_date > champion.fitted_as_of)
        or (checks.is_close and checks.evaluation_date = newest_evaluation.evaluation_date)

),

data_clause as (

    select
        'data' as clause,
        newest_evaluation.evaluation_date,
        coalesce(max(jumps.size) filter (where jumps.size_rank = 1), 0) as measured_value,
        {{ data.breach }} as threshold,
        {{ sql_string(data.severity) }} as severity,
        case
            when bool_or(jumps.is_lasting) then 'breach'
            when bool_or(jumps.is_close) then 'warn'
            when newest_evaluation.is_assessable then 'ok'
            else 'not assessable'
        end as status,
        min(jumps.evaluation_date) filter (where jumps.is_lasting) as breached_since,
        min(jumps.evaluation_date) filter (where jumps.size_rank = 1) as jumped_on,
        min(jumps.finding) filter (where jumps.size_rank = 1) as finding,
        count(*) filter (where jumps.is_lasting) as lasting_jumps
    from newest_evaluation
    left join jumps on true
    group by newest_evaluation.evaluation_date, newest_evaluation.is_assessable

),

ranked as (

    -- The newest one at which the champion has been in use for some weeks, and enough bought.
    select
        scores.*,
        evaluations.weeks,
        {{ is_loss_assessable('scores') }} as is_assessable,
        row_number() over (
            order by
                {{ is_loss_assessable('scores') }} desc,
                scores.horizon_days = 90 desc,
                evaluations.weeks >= 4 desc,
                scores.evaluation_date desc,
                evaluations.weeks desc,
                scores.origin_model_id asc
        ) as choice
    from scores
    inner join evaluations
        on
            scores.origin_model_id = evaluations.origin_model_id
            and scores.model_id = evaluations.model_id

),

outcome_clause as (

    select
        'outcome' as clause,
        coalesce(ranked.evaluation_date, newest_evaluation.evaluation_date) as evaluation_date,
        case when ranked.is_assessable then ranked.auc_loss else 0 end as measured_value,
        {{ outcome.breach }} as threshold,
        {{ sql_string(outcome.severity) }} as severity,
        case
            when ranked.is_assessable is not true then 'not assessable'
            when ranked.auc_loss > {{ outcome.breach }} and ranked.auc_loss_low > 0 then 'breach'
            when ranked.auc_loss > {{ outcome.warn }} and ranked.auc_loss_low > 0 then 'warn'
            else 'ok'
        end as status,
        ranked.horizon_days,
        ranked.weeks,
        ranked.frozen_auc,
        ranked.refit_auc,
        ranked.auc_loss_low,
        ranked.auc_loss_high
    from newest_evaluation
    left join ranked on ranked.choice = 1

),

forecasts_of_all as (

    select
        evaluation_date,
        horizon_days,
        {{ sum_in_order('expected_orders', by=['segment_id']) }} as expected_orders,
        cast(sum(orders) as bigint) as orders
    from forecasts
    group by 1, 2

),

newest_forecast as (

    -- A count scatters by its square root; of few orders nothing can be said.
    select
        *,
        greatest(expected_orders, orders) >= 30 as is_assessable,
        case
            when abs(orders - expected_orders) > 2 * sqrt(expected_orders)
                then abs(orders - expected_orders) / expected_orders
            else 0
        end as deviation
    from forecasts_of_all
    qualify
        row_number() over (
            order by
                greatest(expected_orders, orders) >= 30 desc,
                horizon_days = 90 desc,
                evaluation_date desc,
                horizon_days asc
        ) = 1

),

value_clause as (

    select
        'value' as clause,
        coalesce(newest_forecast.evaluation_date, newest_evaluation.evaluation_date)
            as evaluation_date,
        case when newest_forecast.is_assessable then newest_forecast.deviation else 0 end
            as measured_value,
        {{ value.breach }} as threshold,
        {{ sql_string(value.severity) }} as severity,
        case
            when newest_forecast.is_assessable is not true then 'not assessable'
            when newest_forecast.deviation > {{ value.breach }} then 'breach'
            when newest_forecast.deviation > {{ value.warn }} then 'warn'
            else 'ok'
        end as status,
        newest_forecast.horizon_days,
        newest_forecast.expected_orders,
        newest_forecast.orders
    from newest_evaluation
    left join newest_forecast on true

),

clauses_in_errors as (

    {% for clause in in_errors %}
        {%- set terms = maintenance_clause(clause) %}
        select
            '{{ clause }}' as clause,
            {{ terms.breach }} as threshold,
            {{ sql_string(terms.severity) }} as severity
        {{ 'union all' if not loop.last }}
    {% endfor %}

),

checks_of_champion as (

    -- Up to the newest evaluation at which the shop sells as usual.
    select population_checks.*
    from population_checks
    inner join champion on population_checks.origin_model_id = champion.model_id
    inner join newest_evaluation
        on population_checks.evaluation_date <= newest_evaluation.evaluation_date

),

last_kept as (

    select
        clause,
        max(evaluation_date) as evaluation_date
    from (
        select
            clause,
            evaluation_date
        from checks_of_champion
        group by 1, 2
        having not bool_or(is_beyond)
    ) as kept
    group by 1

),

broken as (

    select
        checks_of_champion.clause,
        min(checks_of_champion.evaluation_date) as broken_since
    from checks_of_champion
    left join last_kept on checks_of_champion.clause = last_kept.clause
    where
        checks_of_champion.is_beyond
        and checks_of_champion.evaluation_date
        > coalesce(last_kept.evaluation_date, {{ start_of_time() }})
    group by 1

),

newest_checks as (

    select
        checks_of_champion.*,
        row_number() over (
            partition by checks_of_champion.clause
            order by checks_of_champion.deviations desc nulls last, checks_of_champion.finding asc
        ) as size_rank
    from checks_of_champion
    inner join newest_evaluation
        on checks_of_champion.evaluation_date = newest_evaluation.evaluation_date

),

population_clauses as (

    select
        clauses_in_errors.clause,
        newest_evaluation.evaluation_date,
        coalesce(max(newest_checks.deviations), 0) as measured_value,
        clauses_in_errors.threshold,
        clauses_in_errors.severity,
        case
            when bool_or(newest_checks.is_beyond) then 'breach'
            when bool_or(newest_checks.is_close) then 'warn'
            when bool_or(newest_checks.is_assessable) then 'ok'
            else 'not assessable'
        end as status,
        min(broken.broken_since) as broken_since,
        min(newest_checks.finding) filter (where newest_checks.size_rank = 1) as finding,
        count(*) filter (where newest_checks.is_beyond) as measures_beyond
    from clauses_in_errors
    cross join newest_evaluation
    left join newest_checks on clauses_in_errors.clause = newest_checks.clause
    left join broken on clauses_in_errors.clause = broken.clause
    group by 1, 2, 4, 5

),

unioned as (

    select
        clause,
        evaluation_date,
        measured_value,
        threshold,
        severity,
        status,
        breached_since,
        case status
            when 'breach'
                then
                    {{ iso_date('jumped_on') }} || ', ' || finding || ' '
                    || case
                        when lasting_jumps > 1
                            then
                                cast(lasting_jumps - 1 as string)
                                || case lasting_jumps
                                    when 2 then ' other check has'
                                    else ' other checks have'
                                end
                                || ' jumped too and not come back. '
                        else ''
                    end
                    || 'Until this is explained or mended, the clauses on the model cannot be '
                    || 'trusted: they may tell of the measurement, not of the customers.'
            when 'warn'
                then {{ iso_date('jumped_on') }} || ', ' || finding || ' It is close to a jump.'
            when 'not assessable'
                then
                    'Newcomers, facts or earlier evaluations are too few to tell a jump in the '
                    || 'data.'
            else
                'What the features are measured by has not jumped since the model in use was '
                || 'fitted.'
        end as sentence
    from data_clause
    union all
    select
        clause,
        evaluation_date,
        measured_value,
        threshold,
        severity,
        status,
        case when status = 'breach' then evaluation_date end as breached_since,
        case
            when status = 'not assessable'
                then
                    'What waiting costs cannot be told yet: too few evaluations have been followed '
                    || 'for long enough, or too few customers have bought since.'
            else
                case status
                    when 'ok' then 'Waiting costs nothing measurable so far'
                    else 'Waiting costs'
                end
                || printf(
                    ': on %s, %s %s after its fit, the model then in use told who buys in the next '
                    || '%d days with an area under the ROC curve of %.3f, a refit with %.3f; the '
                    || 'refit is better by %.3f (%.3f to %.3f, 95 %% interval).',
                    {{ iso_date('evaluation_date') }},
                    {{ plain_number('weeks') }},
                    case when weeks = 1 then 'week' else 'weeks' end,
                    horizon_days,
                    frozen_auc,
                    refit_auc,
                    measured_value,
                    auc_loss_low,
                    auc_loss_high
                )
        end as sentence
    from outcome_clause
    union all
    select
        clause,
        evaluation_date,
        measured_value,
        threshold,
        severity,
        status,
        case when status = 'breach' then broken_since end as breached_since,
        case
            when status = 'ok' and clause = 'newcomers'
                then
                    'The customers of the last four weeks differ from those of the year up to the '
                    || 'fit by no more than such months do.'
            when status = 'ok'
                then
                    'Number and places of the segments fit the customers as they did at the fit, '
                    || 'and customers come back as before.'
            {% if has_labels() -%}
                when status = 'not assessable' and clause = 'newcomers'
                    then 'Newcomers of the year before a label set begins have none of its labels.'
                when status = 'not assessable'
                    then
                        'Whether number and places of the segments still fit cannot be told of labels '
                        || 'that somebody else gives.'
            {%- endif %}
            when status = 'not assessable' and clause = 'newcomers'
                then
                    'Newcomers, or months before the fit to compare them with, are too few to tell '
                    || 'a change; or the model in use is new.'
            when status = 'not assessable'
                then
                    'There is no evaluation yet at which the number and the places of the segments '
                    || 'could be compared with those at the fit.'
            else
                {{ iso_date('evaluation_date') }} || ', ' || finding || printf(
                    ' That is %.1f standard errors from what was usual up to the fit; the contract '
                    || 'allows %.2f.',
                    measured_value,
                    cast(threshold as double)
                )
                || case
                    when measures_beyond > 2
                        then
                            ' ' || cast(measures_beyond - 1 as string)
                            || ' other measures are beyond that too.'
                    when measures_beyond = 2 then ' One other measure is beyond that too.'
                    else ''
                end
        end as sentence
    from population_clauses
    union all
    select
        clause,
        evaluation_date,
        measured_value,
        threshold,
        severity,
        status,
        case when status = 'breach' then evaluation_date end as breached_since,
        case
            when status = 'not assessable'
                then
                    'What was expected of customers cannot be held against what came yet: no '
                    || 'horizon has passed in which orders came in as usual, or orders are too few.'
            else
                printf(
                    'In the %d days from %s on %d orders were expected of the customers known '
                    || 'then, and %d came%s.',
                    horizon_days,
                    {{ iso_date('evaluation_date') }},
                    cast(round(expected_orders) as bigint),
                    orders,
                    case
                        when status = 'ok' then ''
                        when orders > expected_orders then ': customer_value expects too little'
                        else ': customer_value expects too much'
                    end
                )
        end as sentence
    from value_clause

)

select
    unioned.clause,
    champion.model_id,
    unioned.evaluation_date,
    cast(unioned.measured_value as double) as measured_value,
    cast(unioned.threshold as double) as threshold,
    unioned.severity,
    unioned.status,
    unioned.breached_since,
    unioned.sentence
from unioned
cross join champion
where
    unioned.clause in (
        {% for clause in maintenance_clauses() %}
            {{ sql_string(clause.clause) }}{{ ',' if not loop.last }}
        {% endfor %}
    )
    and unioned.evaluation_date is not null
order by unioned.clause
