{%- set clause = maintenance_clause('data') -%}

with

measures as (

    select * from {{ ref('champion_data_measures') }}

),

evaluation_dates as (

    -- Where next to nothing comes in any more, everybody ages, and the few who come are others.
    select
        evaluation_date,
        is_live,
        lag(is_live) over (order by evaluation_date) as was_live
    from {{ ref('monitoring_evaluation_dates') }}

),

followed as (

    -- A champion is compared with itself alone: the next one has other customers.
    select
        *,
        lag(measured_value) over series as value_before,
        lag(facts) over series as facts_before,
        lag(sampling_error) over series as sampling_error_before
    from measures
    window
        series as (
            partition by feature, population, check_name, compared_date
            order by evaluation_date
        )

),

changed as (

    select
        *,
        measured_value - value_before as change
    from followed

),

usual as (

    select
        changed.evaluation_date,
        changed.feature,
        changed.population,
        changed.check_name,
        count(*) as earlier_changes,
        {{ quantile('earlier.change', 0.5) }} as usual_change,
        {{ quantile('earlier.measured_value', 0.5) }} as usual_value
    from changed
    inner join changed as earlier
        on
            changed.feature = earlier.feature
            and changed.population = earlier.population
            and changed.check_name = earlier.check_name
            and changed.evaluation_date > earlier.evaluation_date
    where earlier.change is not null
    group by 1, 2, 3, 4

),

scattered as (

    select
        usual.evaluation_date,
        usual.feature,
        usual.population,
        usual.check_name,
        usual.earlier_changes,
        usual.usual_change,
        usual.usual_value,
        {{ quantile('abs(earlier.change - usual.usual_change)', 0.5) }}
            as median_absolute_deviation
    from usual
    inner join changed as earlier
        on
            usual.feature = earlier.feature
            and usual.population = earlier.population
            and usual.check_name = earlier.check_name
            and usual.evaluation_date > earlier.evaluation_date
    where earlier.change is not null
    group by 1, 2, 3, 4, 5, 6, 7

),

limited as (

    select
        changed.*,
        coalesce(scattered.earlier_changes, 0) as earlier_changes,
        scattered.usual_change,
        scattered.usual_value,
        abs(changed.change - scattered.usual_change) as excess,
        -- A median absolute deviation of 1 / 1.4826 is a standard deviation of 1.
        {{ least_deviations() }} * greatest(
            1.4826 * scattered.median_absolute_deviation,
            sqrt(
                {{ square_of('changed.sampling_error') }}
                + {{ square_of('changed.sampling_error_before') }}
            )
        ) as scatter
    from changed
    left join scattered
        on
            changed.evaluation_date = scattered.evaluation_date
            and changed.feature = scattered.feature
            and changed.population = scattered.population
            and changed.check_name = scattered.check_name

),

judged as (

    select
        limited.*,
        coalesce(
            limited.change is not null
            and limited.earlier_changes >= {{ least_earlier_changes() }}
            and least(limited.facts, limited.facts_before) >= {{ least_facts() }}
            and coalesce(evaluation_dates.is_live, true)
            and coalesce(evaluation_dates.was_live, true),
            false
        ) as is_assessable,
        coalesce(evaluation_dates.is_live, true) as is_live,
        last_value(limited.measured_value) over (
            partition by
                limited.feature, limited.population, limited.check_name, limited.compared_date
            order by limited.evaluation_date
            rows between unbounded preceding and unbounded following
        ) as newest_value
    from limited
    left join evaluation_dates on limited.evaluation_date = evaluation_dates.evaluation_date

)

select
    evaluation_date,
    feature,
    population,
    check_name,
    compared_date,
    cast(facts as bigint) as facts,
    measured_value,
    value_before,
    change,
    usual_change,
    cast(greatest({{ clause.breach }}, scatter) as double) as largest_usual_change,
    earlier_changes,
    is_live,
    is_assessable,
    is_assessable and excess > greatest({{ clause.breach }}, scatter) as is_jump,
    is_assessable and excess > greatest({{ clause.warn }}, scatter) as is_close,
    -- A value that has come back since has been mended, and the way back is none to mend.
    is_assessable
    and excess > greatest({{ clause.breach }}, scatter)
    and abs(newest_value - value_before) > greatest({{ clause.breach }}, scatter)
    and abs(newest_value - usual_value) > greatest({{ clause.breach }}, scatter)
        as is_lasting,
    case
        when check_name = 'share_missing'
            then
                printf(
                    '%s of %s: %.1f %% are missing, %.1f %% at the evaluation before.',
                    feature, population, 100 * measured_value, 100 * value_before
                )
        when check_name like 'stability_index%'
            then
                printf(
                    '%s of %s: population stability index %.2f against %s, %.2f at the evaluation '
                    || 'before.',
                    feature,
                    population,
                    measured_value,
                    {{ iso_date('compared_date') }},
                    value_before
                )
        when check_name = 'share_of_new_levels'
            then
                printf(
                    '%s of %s: %.1f %% have values that there were none of before %s, %.1f %% at '
                    || 'the evaluation before.',
                    feature,
                    population,
                    100 * measured_value,
                    {{ iso_date('compared_date') }},
                    100 * value_before
                )
        when check_name = 'share_of_vanished_levels'
            then
                printf(
                    '%s of %s: values that %.1f %% had before %s have vanished, %.1f %% at the '
                    || 'evaluation before.',
                    feature,
                    population,
                    100 * measured_value,
                    {{ iso_date('compared_date') }},
                    100 * value_before
                )
        else
            printf(
                '%s: the rule %s meets %.1f %% of the rows of %s, %.1f %% at the evaluation '
                || 'before.',
                feature, check_name, 100 * measured_value, population, 100 * value_before
            )
    end as finding
from judged
order by evaluation_date, feature, population, check_name
