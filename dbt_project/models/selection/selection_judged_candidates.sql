{%- set features = var('feature_transforms').keys() | list -%}
{%- set weights = score_weights() -%}
{%- set pinned = var('pinned_candidate') -%}
{%- set pinned_id = 'null' -%}
{%- if pinned -%}
    {%- set pinned_id = sql_string(candidate_named_by('pinned_candidate').candidate_id) -%}
{%- endif -%}
{%- set default_id = sql_string(candidate_named_by('default_candidate').candidate_id) -%}

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
        ]) }},
        {{ separation_columns(features) }}
    from fitted_candidates

),

segments_summed_up as (

    select
        candidate_id,
        count(distinct rule_name) as distinct_names,
        count(*) filter (where largest_deviation >= {{ var('choice_distinct_margin') }})
            as distinct_segments,
        min(jaccard) as lowest_jaccard,
        min_by(segment_name, jaccard) as least_stable_segment,
        count(*) filter (where jaccard >= {{ var('choice_min_jaccard') }}) as stable_segments,
        min(silhouette) as lowest_segment_silhouette
    from candidate_segments
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
        {{ described_features('candidates.features') }} as features,
        {{ number_of_elements('candidates.features') }} as number_of_features,
        {{ star_except(['candidate_id'], 'figures') }},  -- noqa: RF02
        last_comparison.*,
        {{ star_except(['candidate_id'], 'segments_summed_up') }},  -- noqa: RF02
        figures.candidate_id is not null as is_compared,
        last_comparison.data_fingerprint != inputs.data_fingerprint as is_of_other_data,
        last_comparison.settings_fingerprint != inputs.settings_fingerprint
            as is_of_other_settings
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

),

weighted as (

    select
        *,
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

),

objections as (

    -- Every constraint that a candidate does not meet, in the order in which it is told.
    select
        candidate_id,
        1 as position,
        case
            when compared_at is null then 'nothing has been compared yet (make compare)'
            else 'it was not part of the last comparison (make compare)'
        end as objection
    from weighted
    where not is_compared

    union all

    select
        candidate_id,
        2 as position,
        'it could not be fitted: ' || error as objection
    from weighted
    where error is not null

    union all

    select
        candidate_id,
        3 as position,
        printf(
            '%d %s, %d to %d are asked for',
            clusters,
            case when clusters = 1 then 'segment' else 'segments' end,
            {{ var('choice_min_segments') }},
            {{ var('choice_max_segments') }}
        ) as objection
    from weighted
    where
        clusters not between {{ var('choice_min_segments') }}
        and {{ var('choice_max_segments') }}

    union all

    select
        candidate_id,
        4 as position,
        printf(
            'the smallest segment has %.1f %% of the customers, %.1f %% are asked for',
            100 * smallest_share, 1e2 * {{ var('choice_min_share') }}
        ) as objection
    from weighted
    where smallest_share < {{ var('choice_min_share') }}

    union all

    select
        candidate_id,
        5 as position,
        printf(
            '%.1f %% of the customers are noise, %.1f %% are allowed',
            100 * noise_share, 1e2 * {{ var('choice_max_noise_share') }}
        ) as objection
    from weighted
    where noise_share > {{ var('choice_max_noise_share') }}

    union all

    select
        candidate_id,
        6 as position,
        'it has no centroids, so a frozen model cannot score later customers' as objection
    from weighted
    where algorithm = 'dbscan'

    union all

    select
        candidate_id,
        7 as position,
        printf('its %d segments have %d names', clusters, distinct_names) as objection
    from weighted
    where distinct_names < clusters

    union all

    select
        candidate_id,
        8 as position,
        printf(
            'fits on resamples agree at %.2f (ARI), %.2f is asked for',
            coalesce(resampling_agreement, 0), cast({{ var('choice_min_agreement') }} as double)
        ) as objection
    from weighted
    where
        resamples is not null
        and coalesce(resampling_agreement, 0) < {{ var('choice_min_agreement') }}

    union all

    select
        candidate_id,
        9 as position,
        printf(
            'fits with other seeds agree at %.2f (ARI), %.2f is asked for',
            seed_agreement, cast({{ var('choice_min_agreement') }} as double)
        ) as objection
    from weighted
    where seed_agreement < {{ var('choice_min_agreement') }}

    union all

    select
        candidate_id,
        10 as position,
        printf(
            'on resamples "%s" comes back at %.2f (Jaccard) only, %.2f is asked for',
            least_stable_segment, lowest_jaccard, cast({{ var('choice_min_jaccard') }} as double)
        ) as objection
    from weighted
    where lowest_jaccard < {{ var('choice_min_jaccard') }}

    union all

    select
        candidate_id,
        11 as position,
        printf('%d of its %d resamples could not be fitted', failed_resamples, resamples)
            as objection
    from weighted
    where failed_resamples > 0

    union all

    select
        candidate_id,
        12 as position,
        'it has not been resampled under these limits (make compare)' as objection
    from weighted
    where
        resamples is null
        and clusters between {{ var('choice_min_segments') }} and {{ var('choice_max_segments') }}
        and smallest_share >= {{ var('choice_min_share') }}
        and noise_share <= {{ var('choice_max_noise_share') }}

),

objections_joined as (

    select
        candidate_id,
        {{ texts_in_order('objection', '; ', 'position') }} as objections
    from objections
    group by 1

),

eligible as (

    select
        weighted.candidate_id,
        weighted.algorithm,
        weighted.clusters,
        weighted.number_of_features,
        weighted.score,
        max(weighted.score) over () as best_score,
        weighted.score >= max(weighted.score) over () - {{ var('choice_score_tolerance') }}
            as is_near_best
    from weighted
    anti join objections_joined on weighted.candidate_id = objections_joined.candidate_id

),

placed as (

    -- Among the scores near the best, fewer segments are better.
    select
        *,
        row_number() over (
            order by
                is_near_best desc,
                clusters asc,
                score desc,
                number_of_features asc,
                algorithm asc,
                candidate_id asc
        ) as place
    from eligible

),

best as (

    select
        candidate_id,
        clusters,
        score
    from placed
    where place = 1

),

chosen as (

    select
        coalesce(
            {{ pinned_id }},
            (select best.candidate_id from best),
            {{ default_id }}
        ) as candidate_id,
        {% if pinned %}
            'by hand'
        {% else %}
            case
                when exists (select 1 from best) then 'by the comparison'
                else 'by default'
            end
        {% endif %} as chosen_by

),

judged as (

    select
        weighted.*,
        placed.candidate_id is not null as is_eligible,
        chosen.candidate_id is not null as is_chosen,
        chosen.chosen_by,
        -- Natural segments are separated by gaps, reproducible ones come back, the others are
        -- merely constructed (Dolnicar and Leisch).
        case
            when weighted.resamples is null then null
            when
                weighted.resampling_agreement < {{ var('choice_min_agreement') }}
                or weighted.lowest_jaccard < {{ var('choice_min_jaccard') }}
                then 'constructed'
            when weighted.lowest_segment_silhouette < {{ var('choice_natural_silhouette') }}
                then 'reproducible'
            else 'natural'
        end as segment_nature,
        weighted.is_of_other_data or weighted.is_of_other_settings as is_stale,
        case
            when weighted.is_of_other_data and weighted.is_of_other_settings
                then 'customers and settings have changed since'
            when weighted.is_of_other_data then 'the customers have changed since'
            when weighted.is_of_other_settings then 'settings have changed since'
        end as stale_reason,
        case chosen.chosen_by
            when 'by hand'
                then
                    'Pinned by hand (pinned_candidate). '
                    || case
                        when best.candidate_id = weighted.candidate_id
                            then 'The comparison chooses it too.'
                        when best.candidate_id is not null
                            then 'The comparison would choose ' || best.candidate_id || '.'
                        else 'The comparison has no eligible candidate.'
                    end
                    || coalesce(' Against it: ' || objections_joined.objections || '.', '')
            when 'by default'
                then
                    case
                        when weighted.compared_at is null
                            then
                                'The default (default_candidate), because nothing has been '
                                || 'compared yet (make compare).'
                        else
                            'The default (default_candidate), because no candidate is eligible. '
                            || 'Against it: ' || objections_joined.objections || '.'
                    end
            when 'by the comparison'
                then
                    printf(
                        'The fewest segments of the %d eligible candidates within %.2f of the '
                        || 'best score (%.3f), and the best score of these (%.3f).',
                        (select count_if(eligible.is_near_best) from eligible),
                        cast({{ var('choice_score_tolerance') }} as double),
                        placed.best_score,
                        weighted.score
                    )
            else
                case
                    when placed.candidate_id is null
                        then 'Not eligible: ' || objections_joined.objections || '.'
                    when not placed.is_near_best
                        then
                            printf(
                                'Its score is %.3f; at least %.3f is near the best.',
                                weighted.score,
                                placed.best_score - {{ var('choice_score_tolerance') }}
                            )
                    when weighted.clusters > best.clusters
                        then
                            printf(
                                'Its score is %.3f, but %s does with fewer segments.',
                                weighted.score, best.candidate_id
                            )
                    when placed.place = 1
                        then 'The choice of the comparison, but another candidate is pinned.'
                    when weighted.score < best.score
                        then
                            printf(
                                'Its score is %.3f; %s has a better one with as many segments.',
                                weighted.score, best.candidate_id
                            )
                    else
                        printf(
                            'Its score is that of %s, which comes first because it has fewer '
                            || 'features, or by its name.',
                            best.candidate_id
                        )
                end
        end as reason
    from weighted
    left join placed on weighted.candidate_id = placed.candidate_id
    left join objections_joined on weighted.candidate_id = objections_joined.candidate_id
    left join chosen on weighted.candidate_id = chosen.candidate_id
    left join best on true

)

select * from judged  -- noqa: AM04
order by candidate_id
