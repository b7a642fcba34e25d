with

followed as (

    select * from {{ ref('monitoring_contract_options') }}

),

survival_curves as (

    select * from {{ ref('monitoring_survival') }}
    where subject_kind = 'option' and season = 'all'

),

intervals as (

    select * from {{ ref('monitoring_recommended_intervals') }}
    where subject_kind = 'option'

),

lasting as (

    select
        subject as option,
        max(at_risk) as start_dates,
        cast(sum(breached) as bigint) as breached_start_dates,
        {{ weeks_until(0.9) }} as p10_weeks_until_breach,
        {{ weeks_until(0.5) }} as median_weeks_until_breach
    from survival_curves
    group by 1

),

summed_up as (

    select
        option,
        any_value(features) as features,
        any_value(observation_months) as observation_months,
        any_value(n_segments) as n_segments,
        bool_or(is_recentred) as is_recentred,
        -- By the newest fit: a window that is longer than the history cuts nothing off at first.
        max_by(business_sense, evaluation_date) filter (where weeks = 0) as business_sense,
        max_by(smallest_share, evaluation_date) filter (where weeks = 0) as smallest_share,
        max_by(customers, evaluation_date) as customers,
        {{ mean_in_order('migrated_share', ['fitted_as_of', 'evaluation_date']) }} as migrated_share
    from followed
    group by 1

),

in_use as (

    select * from summed_up
    where option = 'as in use'

),

stale as (

    -- Declared otherwise since, or no more.
    select summed_up.option
    from summed_up
    left join {{ ref('monitoring_options') }} as declared
        on
            summed_up.option = declared.option
            and summed_up.features = declared.feature_names
            and summed_up.observation_months is not distinct from declared.observation_months
            and summed_up.n_segments = declared.n_segments
            and summed_up.is_recentred = declared.is_recentred
    where declared.option is null

)

select
    summed_up.option,
    summed_up.features,
    summed_up.observation_months,
    summed_up.n_segments,
    summed_up.is_recentred,
    lasting.start_dates,
    lasting.breached_start_dates,
    lasting.p10_weeks_until_breach,
    lasting.median_weeks_until_breach,
    intervals.recommended_interval_weeks,
    summed_up.business_sense,
    summed_up.smallest_share,
    summed_up.customers,
    summed_up.migrated_share,
    stale.option is not null as is_stale,
    printf(
        '%s: %d of %d start dates broke the agreement%s. Business sense %.2f, in use %.2f; '
        || 'under a model that is %s %.1f %% of the customers change segment from one evaluation '
        || 'to the next, in use %.1f %%.',
        summed_up.option,
        lasting.breached_start_dates,
        lasting.start_dates,
        case
            when lasting.median_weeks_until_breach is not null
                then
                    ', half of them within '
                    || {{ plain_number('lasting.median_weeks_until_breach') }} || ' weeks'
            else ''
        end,
        summed_up.business_sense,
        in_use.business_sense,
        case when summed_up.is_recentred then 're-centred' else 'frozen' end,
        100 * summed_up.migrated_share,
        100 * in_use.migrated_share
    )
    || case
        when stale.option is not null
            then ' Its definition has changed since: make compare measures it anew.'
        else ''
    end as sentence
from summed_up
cross join in_use
left join stale on summed_up.option = stale.option
left join lasting on summed_up.option = lasting.option
left join intervals on summed_up.option = intervals.subject
order by summed_up.option = 'as in use' desc, summed_up.option
