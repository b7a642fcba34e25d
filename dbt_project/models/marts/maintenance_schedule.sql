with

stability as (

    select * from {{ ref('segment_stability') }}

),

champions as (

    select * from {{ ref('segment_models') }}
    where status = 'champion'

),

origins as (

    select
        origin_model_id,
        max(weeks) as weeks_observed,
        min(weeks) filter (
            where adjusted_rand_index < {{ var('agreement_breach_below') }}
        ) as weeks_until_breach
    from stability
    group by 1

),

summarised as (

    -- An origin that has not been breached yet has lasted at least as long as it was observed.
    select
        'first model' as origin_policy,
        count(*) as origins,
        count(weeks_until_breach) as breached_origins,
        median(coalesce(weeks_until_breach, weeks_observed)) as median_weeks_until_breach,
        quantile_cont(coalesce(weeks_until_breach, weeks_observed), 0.1)
            as p10_weeks_until_breach,
        quantile_cont(coalesce(weeks_until_breach, weeks_observed), 0.9)
            as p90_weeks_until_breach
    from origins

),

scheduled as (

    -- The last review before the breach still holds; a model lasts one review at least. While no
    -- model is broken, how long one lasts is not known.
    select
        summarised.*,
        case
            when summarised.breached_origins > 0
                then cast(
                        greatest(
                            summarised.p10_weeks_until_breach - {{ var('review_interval_weeks') }},
                            {{ var('review_interval_weeks') }}
                        ) as integer
                    )
        end as recommended_interval_weeks,
        champions.fitted_as_of
    from summarised
    cross join champions

)

select
    * exclude (fitted_as_of),
    fitted_as_of + to_weeks(recommended_interval_weeks) as next_refit_date
from scheduled
