with

feature_counts as (

    select * from {{ ref('monitoring_feature_counts') }}

),

rule_counts as (

    select * from {{ ref('monitoring_rule_counts') }}

),

feature_bins as (

    select * from {{ ref('monitoring_feature_bins') }}

),

models as (

    select * from {{ ref('training_models') }}

),

champion_periods as (

    select * from {{ ref('champion_takeovers') }}

),

series as (

    select
        evaluation_date,
        feature,
        population,
        sum(facts) as facts,
        coalesce(sum(facts) filter (where bin < 0), 0) as missing_facts
    from feature_counts
    group by 1, 2, 3

),

compared as (

    select
        series.*,
        'stability_index' as check_name,
        feature_bins.reference_date as compared_date
    from series
    inner join feature_bins on series.feature = feature_bins.feature
    union all
    -- The champion that was in use until the evaluation date.
    select
        series.*,
        'stability_index_of_champion' as check_name,
        models.fitted_as_of as compared_date
    from series
    inner join champion_periods
        on
            series.evaluation_date > champion_periods.champion_from
            and series.evaluation_date
            <= coalesce(champion_periods.champion_to, {{ end_of_time() }})
    inner join models on champion_periods.model_id = models.model_id
    where series.population = 'customers'

),

bins as (

    select distinct
        feature,
        population,
        bin
    from feature_counts
    where bin >= 0

),

side_by_side as (

    select
        compared.evaluation_date,
        compared.feature,
        compared.population,
        compared.check_name,
        compared.compared_date,
        bins.bin,
        coalesce(counts.facts, 0) as facts,
        coalesce(reference_counts.facts, 0) as reference_facts,
        compared.facts - compared.missing_facts as all_facts,
        reference_series.facts - reference_series.missing_facts as all_reference_facts
    from compared
    inner join series as reference_series
        on
            compared.compared_date = reference_series.evaluation_date
            and compared.feature = reference_series.feature
            and compared.population = reference_series.population
    inner join bins
        on compared.feature = bins.feature and compared.population = bins.population
    left join feature_counts as counts
        on
            compared.evaluation_date = counts.evaluation_date
            and bins.feature = counts.feature
            and bins.population = counts.population
            and bins.bin = counts.bin
    left join feature_counts as reference_counts
        on
            compared.compared_date = reference_counts.evaluation_date
            and bins.feature = reference_counts.feature
            and bins.population = reference_counts.population
            and bins.bin = reference_counts.bin
    where
        compared.facts > compared.missing_facts
        and reference_series.facts > reference_series.missing_facts

),

shares as (

    -- An empty bin counts as one in a thousand: its logarithm has no bound.
    select
        *,
        greatest(facts / cast(all_facts as double), 1e-3) as bin_share,
        greatest(reference_facts / cast(all_reference_facts as double), 1e-3) as reference_share
    from side_by_side

),

stability_indices as (

    -- The variance of the index by sampling alone, by the delta method.
    select
        evaluation_date,
        feature,
        population,
        check_name,
        compared_date,
        any_value(all_facts) as facts,
        {{ sum_in_order(stability_of_bin(), ['bin']) }} as measured_value,
        {{ sum_in_order('bin_share * ' ~ square_of(stability_slope()), ['bin']) }}
            as mean_squared_slope,
        {{ sum_in_order('bin_share * ' ~ stability_slope(), ['bin']) }} as mean_slope,
        count(*) as bins
    from shares
    group by 1, 2, 3, 4, 5

),

levels as (

    -- A level counts as vanished where ten facts of it would be expected.
    select
        evaluation_date,
        feature,
        population,
        compared_date,
        any_value(all_facts) as facts,
        sum(facts) filter (where reference_facts = 0) as new_facts,
        sum(
            case
                when facts = 0 and reference_share * all_facts >= 10 then reference_facts
            end
        ) as vanished_facts,
        any_value(all_reference_facts) as reference_facts
    from shares
    where population = 'reviews'
    group by 1, 2, 3, 4

),

measured as (

    select
        evaluation_date,
        feature,
        population,
        'share_missing' as check_name,
        cast(null as timestamp) as compared_date,
        facts,
        cast(missing_facts as double) / facts as measured_value,
        {{ sampling_error_of_share('missing_facts', 'facts') }} as sampling_error
    from series
    where population != 'reviews'
    union all
    select
        evaluation_date,
        feature,
        population,
        check_name,
        compared_date,
        facts,
        measured_value,
        sqrt(
            (
                greatest(mean_squared_slope - {{ square_of('mean_slope') }}, 0)
                + 2e0 * (bins - 1) / facts
            )
            / facts
        ) as sampling_error
    from stability_indices
    union all
    select
        evaluation_date,
        feature,
        population,
        'share_of_new_levels' as check_name,
        compared_date,
        facts,
        coalesce(cast(new_facts as double) / facts, 0) as measured_value,
        {{ sampling_error_of_share('coalesce(new_facts, 0)', 'facts') }} as sampling_error
    from levels
    union all
    select
        evaluation_date,
        feature,
        population,
        'share_of_vanished_levels' as check_name,
        compared_date,
        facts,
        coalesce(cast(vanished_facts as double) / reference_facts, 0) as measured_value,
        0e0 as sampling_error
    from levels
    union all
    select
        evaluation_date,
        feature,
        raw_table as population,
        rule as check_name,
        cast(null as timestamp) as compared_date,
        facts,
        cast(affected_facts as double) / facts as measured_value,
        {{ sampling_error_of_share('affected_facts', 'facts') }} as sampling_error
    from rule_counts

)

select * from measured
order by evaluation_date, feature, population, check_name
