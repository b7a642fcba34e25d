with

clauses as (

    select * from {{ ref('monitoring_clauses') }} as readings
    where {{ is_reading_in_use('readings') }}

),

other_clauses as (

    select * from {{ ref('champion_clauses') }}

),

champion_periods as (

    select * from {{ ref('champion_takeovers') }}
    where is_current

),

comparisons as (

    select * from {{ ref('monitoring_agreement') }}

),

segments as (

    select * from {{ ref('champion_segments') }}

),

models as (

    select * from {{ ref('segment_models') }}

),

newest_evaluation as (

    select max(fitted_as_of) as evaluation_date
    from models

),

{% if has_labels() -%}
    newest_labels as (

        select max(evaluation_date) as labelled_at
        from {{ ref('monitoring_evaluation_dates') }}

    ),
{%- endif %}

newest as (

    select
        clauses.*,
        models.fitted_as_of,
        -- Whether it has been in use for a while, and nothing has come to compare it with.
        {% if has_labels() -%}
            clauses.evaluation_date = models.fitted_as_of
            and newest_labels.labelled_at > models.fitted_as_of
        {%- else -%}
            false
        {%- endif %} as is_alone,
        segments.segment_id,
        segments.segment_name,
        case when clauses.clause = 'agreement' then comparisons.structural_agreement end
            as structural_agreement,
        {% if is_recentring() -%}
            case when comparisons.structural_agreement is not null then ', re-centred,' else '' end
        {%- else -%}
            ''
        {%- endif %} as recentred_told,
        newest_evaluation.evaluation_date as newest_evaluation_date,
        max(clauses.evaluation_date) over () < newest_evaluation.evaluation_date
            as is_out_of_date,
        {{ dbt.datediff('models.fitted_as_of', 'clauses.broken_since', 'day') }}
        / 7e0 as weeks_until_breach
    from clauses
    cross join newest_evaluation
    {% if has_labels() -%}
        cross join newest_labels
    {%- endif %}
    inner join champion_periods on clauses.origin_model_id = champion_periods.model_id
    inner join models on champion_periods.model_id = models.model_id
    left join comparisons
        on
            clauses.origin_model_id = comparisons.origin_model_id
            and clauses.model_id = comparisons.model_id
    left join segments
        on
            champion_periods.champion_period = segments.champion_period
            and clauses.origin_cluster = segments.cluster
    -- The newest evaluation of the champion at which the shop sells as usual, if there is one.
    qualify
        clauses.evaluation_date = coalesce(
            max(case when clauses.is_live then clauses.evaluation_date end) over (),
            max(clauses.evaluation_date) over ()
        )

),

judged as (

    select
        *,
        case
            when is_broken then 'breach'
            when is_out_of_date or is_alone or not is_assessable then 'not assessable'
            when not is_live and evaluation_date != fitted_as_of then 'not assessable'
            when is_close then 'warn'
            else 'ok'
        end as status,
        evaluation_date = fitted_as_of as is_new,
        case
            when is_broken and clause = 'agreement' and recentred_told != ''
                then 'the customers changed'
            when is_broken and clause = 'agreement' and structural_agreement >= threshold
                then 're-centring due'
            when is_broken and clause = 'agreement' and structural_agreement < threshold
                then 'the customers changed'
        end as breach_kind,
        case clause
            when 'misplaced_revenue' then printf('%.1f %%', 100 * value_when_broken)
            when 'segment' then printf('%.0f %%', 100 * value_when_broken)
            else printf('%.2f', value_when_broken)
        end as value_told,
        case clause
            when 'agreement'
                then
                    {% if has_labels() -%}
                        'The label set ' || origin_model_id || ' and the newer one ' || model_id
                        || printf(
                            ' agree on the customers whom both label on %s at %.2f (adjusted Rand '
                            || 'index); the contract asks for %.2f.',
                            {{ iso_date('evaluation_date') }},
                            measured_value,
                            threshold
                        )
                    {%- else -%}
                        printf(
                            'The model of %s%s and a refit of %s agree on the same customers at '
                            || '%.2f (adjusted Rand index); the contract asks for %.2f.',
                            {{ iso_date('fitted_as_of') }},
                            recentred_told,
                            {{ iso_date('evaluation_date') }},
                            measured_value,
                            threshold
                        )
                    {%- endif %}
            when 'segment'
                then
                    printf(
                        'Of the customers whom the model of %s%s or a refit of %s puts into "%s", '
                        || '%.0f %% are in both; the contract asks for %.0f %% (Jaccard index).',
                        {{ iso_date('fitted_as_of') }},
                        recentred_told,
                        {{ iso_date('evaluation_date') }},
                        segment_name,
                        100 * measured_value,
                        100 * threshold
                    )
            when 'misplaced_revenue'
                then
                    printf(
                        'Customers whom a refit of %s would put into another segment have brought '
                        || '%.1f %% of the revenue; the contract allows %.1f %%.',
                        {{ iso_date('evaluation_date') }},
                        100 * measured_value,
                        100 * threshold
                    )
        end as finding
    from newest

),

explained as (

    -- What cannot be told of labels, and what to do about it.
    select
        *,
        {% if has_labels() -%}
            case
                when is_out_of_date
                    then
                        'The label set of ' || {{ iso_date('newest_evaluation_date') }}
                        || ' cannot be compared with the one in use, ' || origin_model_id
                        || coalesce(', in "' || segment_name || '"', '')
                        || ': they share no customers at the date at which it began. Let the old label '
                        || 'set label on when a new one begins.'
                when noise_agreement < threshold
                    then
                        printf(
                            'Label sets that begin at one date agree at %.2f on average',
                            noise_agreement
                        )
                        || coalesce(' in "' || segment_name || '"', '')
                        || printf(
                            ', and the contract asks for %.2f: the segmentation is too unstable to be '
                            || 'contracted.',
                            threshold
                        )
                when is_new
                    then
                        case clause
                            when 'agreement'
                                then
                                    'No later label set labels customers at a date at which '
                                    || origin_model_id || ' labels them too. Let it label on when a '
                                    || 'new one begins: then the two are compared.'
                            else
                                coalesce(
                                    'How well "' || segment_name || '" is found again',
                                    'What it costs to keep ' || origin_model_id
                                )
                                || ' cannot be told: no later label set labels the same customers.'
                        end
                when not is_assessable
                    then
                        finding || ' How much of that is noise is unknown'
                        || case clause
                            when 'agreement'
                                then
                                    ', because no other label set began with ' || model_id
                                    || ': let whoever makes the labels fit twice, and give both as '
                                    || 'label sets that begin at one date.'
                            else '.'
                        end
            end
        {%- else -%}
            cast(null as string)
        {%- endif %} as labels_told
    from judged

)

select
    case clause
        when 'segment' then 'segment ' || segment_id
        else replace(clause, '_', ' ')
    end as clause,
    segment_id,
    origin_model_id as model_id,
    evaluation_date,
    measured_value,
    value_when_broken,
    threshold,
    structural_agreement,
    breach_kind,
    noise_agreement,
    noise_floor,
    severity,
    status,
    case when is_broken then broken_since end as breached_since,
    {% if has_labels() -%}
        -- When somebody labels next, nobody knows.
        cast(null as timestamp) as next_evaluation_date,
    {%- else -%}
        newest_evaluation_date
        + {{ var('evaluation_interval_weeks') }} * interval '7' day as next_evaluation_date,
    {%- endif %}
    case
        when status = 'not assessable' and labels_told is not null then labels_told
        when status = 'not assessable' and is_out_of_date
            then
                'No model of ' || {{ iso_date('newest_evaluation_date') }}
                || ' can be compared with the one in use'
                || coalesce(' in "' || segment_name || '"', '')
                || ': another candidate is chosen. Let its model take over (refit_policy, '
                || 'manual_champions), or pin the candidate in use (pinned_candidate).'
        when status = 'not assessable' and not is_live and is_assessable
            then
                'Far fewer orders than usual have come up to the evaluation of '
                || {{ iso_date('evaluation_date') }}
                || coalesce(': what is measured in "' || segment_name || '"', ': what is measured')
                || ' says nothing about the customers.'
        when status = 'not assessable'
            then
                case clause
                    when 'agreement'
                        then 'The segmentation is too unstable to be contracted: '
                    else
                        '"' || segment_name || '" is too unstable to be contracted: '
                end
                || case
                    when noise_agreement is null
                        then 'the same customers could not be fitted again. '
                    else
                        printf(
                            'two fits of the same customers that differ only in their seed or by '
                            || 'a resample agree at %.2f on average, and the contract asks for '
                            || '%.2f. ',
                            noise_agreement, threshold
                        )
                end
                || 'Choose fewer segments or other features (make compare).'
        when is_new
            then
                'The model of ' || {{ iso_date('fitted_as_of') }}
                || ' was fitted at the newest evaluation date: there is no later refit to compare'
                || ' it with'
                || coalesce(' in "' || segment_name || '"', '')
                || '. No refit is due.'
        else
            finding || case status
                when 'breach'
                    then
                        ' The clause was broken on ' || {{ iso_date('broken_since') }}
                        || ' at ' || value_told
                        || ', after ' || {{ plain_number('weeks_until_breach') }}
                        || case when weeks_until_breach = 1 then ' week' else ' weeks' end
                        || case severity
                            when 'error' then ': a refit is due.'
                            else ': consider a refit.'
                        end
                        || case
                            when breach_kind is null then ''
                            when recentred_told != ''
                                then ' Ageing is taken out, so the customers have changed.'
                            when breach_kind = 're-centring due'
                                then
                                    printf(
                                        ' With ageing taken out the two agree at %.2f: the '
                                        || 'calendar has moved, the customers have not changed.',
                                        structural_agreement
                                    )
                            else
                                printf(
                                    ' With ageing taken out the two agree at %.2f only: the '
                                    || 'customers have changed.',
                                    structural_agreement
                                )
                        end
                when 'warn'
                    then
                        case
                            when measured_value < threshold and measured_value >= noise_floor
                                then
                                    printf(
                                        ' That is less, but no more than noise: two fits of the '
                                        || 'same customers may agree at %.2f only.',
                                        noise_floor
                                    )
                            when is_beyond
                                then
                                    ' It is beyond the limit, but not yet at as many evaluations in'
                                    || ' a row as the clause asks for: plan a refit.'
                            else ' It is close to the limit: plan a refit.'
                        end
                else ' No refit is due.'
            end
    end as sentence
from explained
union all
select
    other_clauses.clause,
    cast(null as integer) as segment_id,
    other_clauses.model_id,
    other_clauses.evaluation_date,
    other_clauses.measured_value,
    case when other_clauses.status = 'breach' then other_clauses.measured_value end
        as value_when_broken,
    other_clauses.threshold,
    cast(null as double) as structural_agreement,
    cast(null as string) as breach_kind,
    cast(null as double) as noise_agreement,
    cast(null as double) as noise_floor,
    other_clauses.severity,
    other_clauses.status,
    other_clauses.breached_since,
    {% if has_labels() -%}
        cast(null as timestamp) as next_evaluation_date,
    {%- else -%}
        newest_evaluation.evaluation_date
        + {{ var('evaluation_interval_weeks') }} * interval '7' day as next_evaluation_date,
    {%- endif %}
    other_clauses.sentence
from other_clauses
cross join newest_evaluation
order by clause = 'agreement' desc, segment_id nulls last, clause = 'misplaced revenue' desc, clause
