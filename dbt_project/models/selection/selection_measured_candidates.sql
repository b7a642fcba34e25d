{#- A segment differs from all customers when a mean is this many standard deviations off. -#}
{%- set distinct_margin = 0.5 -%}
{%- set features = var('feature_transforms').keys() | list -%}
{%- set weights = var('choice_score_weights') -%}

with

candidates as (

    select * from {{ ref('selection_candidates') }}

),

fitted_candidates as (

    select * from {{ ref('selection_fitted_candidates') }}

),

candidate_segments as (

    select * from {{ ref('selection_candidate_segments') }}

),

inputs as (

    select * from {{ ref('selection_inputs') }}

),

last_comparison as (

    select
        max(compared_as_of) as compared_as_of,
        max(compared_at) as compared_at,
        max(data_fingerprint) as data_fingerprint,
        max(settings_fingerprint) as settings_fingerprint
    from fitted_candidates

),

figures as (

    select
        {{ star_except([
            'separation', 'segments', 'compared_as_of', 'compared_at', 'data_fingerprint',
            'settings_fingerprint'
        ]) }}
        {% for feature in features -%}
            , {{ field_where('separation', 'feature', feature, 'share') }}
                as separation_{{ feature }}
        {% endfor %}
    from fitted_candidates

),

by_stability as (

    -- Of segments that come back equally seldom the first one is named, on any engine.
    select
        *,
        row_number() over (
            partition by candidate_id order by jaccard asc nulls last, segment_id asc
        ) as stability_rank
    from candidate_segments

),

segments_summed_up as (

    select
        candidate_id,
        count(distinct rule_name) as distinct_names,
        count(*) filter (where largest_deviation >= {{ distinct_margin }})
            as distinct_segments,
        min(jaccard) as lowest_jaccard,
        max(case when stability_rank = 1 and jaccard is not null then segment_name end)
            as least_stable_segment,
        count(*) filter (where jaccard >= {{ least_jaccard() }}) as stable_segments,
        min(silhouette) as lowest_segment_silhouette
    from by_stability
    group by 1

),

measured as (

    select
        candidates.candidate_id,
        candidates.algorithm,
        candidates.feature_set,
        candidates.n_segments,
        candidates.eps_quantile,
        candidates.min_samples,
        candidates.features as features_with_transforms,
        {{ elements_joined(
            'candidates.features',
            "case when element.transform = 'log1p' then 'log ' else '' end || element.feature",
            ', '
        ) }} as features,
        {{ number_of_elements('candidates.features') }} as number_of_features,
        {{ star_except(['candidate_id'], 'figures') }},  -- noqa: RF02
        last_comparison.*,
        {{ star_except(['candidate_id'], 'segments_summed_up') }},  -- noqa: RF02
        figures.candidate_id is not null as is_compared,
        case
            when last_comparison.compared_at is not null
                then coalesce(last_comparison.data_fingerprint != inputs.data_fingerprint, true)
        end as is_of_other_data,
        case
            when last_comparison.compared_at is not null
                then
                    coalesce(
                        last_comparison.settings_fingerprint != inputs.settings_fingerprint, true
                    )
        end as is_of_other_settings
    from candidates
    cross join inputs
    cross join last_comparison
    left join figures on candidates.candidate_id = figures.candidate_id
    left join segments_summed_up on candidates.candidate_id = segments_summed_up.candidate_id

),

scored as (

    select
        *,
        -- A feature that no customer has a value of separates nothing.
        case
            when clusters is not null
                then
                    (
                        {% for feature in known_naming_features() %}
                            coalesce(separation_{{ feature }}, 0){{ ' +' if not loop.last }}
                        {% endfor %}
                    ) / {{ known_naming_features() | length }}
        end as business_sense
    from measured

)

select
    *,  -- noqa: AM04
    -- Rounded, so that candidates that differ in the last digits only are tied.
    round(
        (
            {{ weights.business_sense }} * business_sense
            + {{ weights.balance }} * balance
            + {{ weights.silhouette }} * coalesce(silhouette, 0)
        ) / {{ weights.values() | sum }},
        9
    ) as score
from scored
