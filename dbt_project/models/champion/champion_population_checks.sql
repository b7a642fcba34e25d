{%- set limits = maintenance_clause('newcomers'), maintenance_clause('recipe') -%}

with

measures as (

    select * from {{ ref('champion_population_measures') }}

),

windows as (

    select * from {{ ref('champion_windows') }}

),

evaluation_dates as (

    select * from {{ ref('monitoring_evaluation_dates') }}

),

champion_periods as (

    select * from {{ ref('champion_takeovers') }}

),

segments as (

    select * from {{ ref('champion_segments') }}

),

described as (

    -- The best other number of segments is one series, whichever it is.
    select
        measures.*,
        case measures.measure when 'silhouette' then 'all' else measures.subject end as series,
        windows.is_reference,
        case measures.measure
            when 'mean' then 0.1e0
            when 'distance' then 0.05e0
            when 'far' then 0.01e0
            when 'shift' then 0.3e0
            when 'silhouette' then 0.1e0
            else 0.02e0
        end as least_change,
        case when measures.measure in ('far', 'shift', 'silhouette') then 1 else 26 end
            as least_windows
    from measures
    inner join windows
        on
            measures.origin_model_id = windows.origin_model_id
            and measures.cutoff = windows.cutoff

),

of_reference as (

    select
        clause,
        origin_model_id,
        measure,
        series,
        count(*) as windows,
        {{ mean_in_order('measured_value', ['cutoff']) }} as mean,
        {{ mean_in_order(square_of('sampling_error'), ['cutoff']) }} as sampling_variance
    from described
    where is_reference
    group by 1, 2, 3, 4

),

reference_values as (

    -- What windows scatter beyond sampling, as by season, the next ones will scatter too.
    select
        of_reference.clause,
        of_reference.origin_model_id,
        of_reference.measure,
        of_reference.series,
        of_reference.windows,
        of_reference.mean,
        of_reference.sampling_variance,
        greatest(
            {{ sum_in_order(
                square_of('described.measured_value - of_reference.mean'), ['described.cutoff']
            ) }} / greatest(of_reference.windows - 1, 1) - of_reference.sampling_variance,
            0
        ) as scatter
    from of_reference
    inner join described
        on
            of_reference.clause = described.clause
            and of_reference.origin_model_id = described.origin_model_id
            and of_reference.measure = described.measure
            and of_reference.series = described.series
            and described.is_reference
    group by 1, 2, 3, 4, 5, 6, 7

),

compared as (

    -- Four windows in a row share customers, so a quarter of them count.
    select
        described.*,
        reference_values.windows,
        reference_values.mean as reference_value,
        described.measured_value - reference_values.mean as change,
        sqrt(
            greatest(
                {{ square_of('described.sampling_error') }}, reference_values.sampling_variance
            )
            + (reference_values.sampling_variance + reference_values.scatter)
            / greatest(reference_values.windows / 4e0, 1)
            + reference_values.scatter
        ) as standard_error,
        coalesce(evaluation_dates.is_live, true) as is_live,
        segments.segment_name
    from described
    left join reference_values
        on
            described.clause = reference_values.clause
            and described.origin_model_id = reference_values.origin_model_id
            and described.measure = reference_values.measure
            and described.series = reference_values.series
    left join evaluation_dates on described.cutoff = evaluation_dates.evaluation_date
    left join champion_periods
        on
            described.origin_model_id = champion_periods.model_id
            and described.cutoff > champion_periods.champion_from
            and described.cutoff <= coalesce(champion_periods.champion_to, {{ end_of_time() }})
    left join segments
        on
            champion_periods.champion_period = segments.champion_period
            and described.subject = cast(segments.cluster as string)
    where not described.is_reference

),

judged as (

    select
        *,
        coalesce(
            is_live
            and windows >= least_windows
            and customers >= {{ least_facts() }}
            and standard_error > 0,
            false
        ) as is_assessable,
        case
            when abs(change) < least_change then 0
            -- No more than one way says that the recipe does not fit.
            when measure in ('far', 'shift') and change < 0 then 0
            when measure = 'silhouette' and least(measured_value, change) < least_change then 0
            else abs(change) / nullif(standard_error, 0)
        end as deviations
    from compared

)

select
    clause,
    origin_model_id,
    cutoff as evaluation_date,
    measure,
    subject,
    segment_name,
    customers,
    measured_value,
    reference_value,
    change,
    standard_error,
    coalesce(windows, 0) as reference_windows,
    is_live,
    is_assessable,
    case when is_assessable then deviations end as deviations,
    is_assessable
    and deviations > case clause
        when 'newcomers' then {{ limits[0].breach }} else {{ limits[1].breach }}
    end as is_beyond,
    is_assessable
    and deviations > case clause
        when 'newcomers' then {{ limits[0].warn }} else {{ limits[1].warn }}
    end as is_close,
    case
        when reference_value is null then null
        when measure = 'share'
            then
                printf(
                    '%.1f %% of the newcomers are in "%s", of those of the year up to the fit '
                    || '%.1f %%.',
                    100 * measured_value, segment_name, 100 * reference_value
                )
        when measure = 'mean'
            then
                printf(
                    '%s of the newcomers is at %.2f standard deviations from the mean of the '
                    || 'customers at the fit, of those of the year up to the fit at %.2f.',
                    subject, measured_value, reference_value
                )
        when measure = 'distance'
            then
                printf(
                    'newcomers are %.2f standard deviations away from their segment, those of the '
                    || 'year up to the fit %.2f.',
                    measured_value, reference_value
                )
        when measure = 'repeat purchases'
            then
                printf(
                    'of the customers who bought in the twelve weeks before, %.1f %% have bought '
                    || 'again in the last four, in the year up to the fit %.1f %%.',
                    100 * measured_value, 100 * reference_value
                )
        when measure = 'far'
            then
                printf(
                    '%.1f %% of the customers are far from every segment, at the fit %.1f %%.',
                    100 * measured_value, 100 * reference_value
                )
        when measure = 'shift'
            then
                printf(
                    'the customers of "%s" are on average %.2f standard deviations away from '
                    || 'where the segment was at the fit, ageing taken out.',
                    segment_name, measured_value
                )
        else
            printf(
                '%s would separate customers better, by %.2f of the mean silhouette; at the '
                || 'fit by %.2f.',
                subject, measured_value, reference_value
            )
    end as finding
from judged
order by clause, origin_model_id, evaluation_date, measure, subject
