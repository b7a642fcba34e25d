{#- Least silhouette of each segment for stable segments to be called natural. -#}
{%- set natural_silhouette = 0.5 -%}

with

measured_candidates as (

    select * from {{ ref('selection_measured_candidates') }}

),

ranked_candidates as (

    select * from {{ ref('selection_ranked_candidates') }}

),

constraints as (

    select * from {{ ref('selection_constraints') }}

),

best as (

    select
        measured_candidates.candidate_id,
        measured_candidates.clusters,
        measured_candidates.score
    from measured_candidates
    inner join ranked_candidates
        on measured_candidates.candidate_id = ranked_candidates.candidate_id
    where ranked_candidates.place = 1

),

near_best as (

    select count_if(is_near_best) as candidates from ranked_candidates

),

reproduced as (

    -- Natural segments are separated by gaps, reproducible ones come back, the others are merely
    -- constructed (Dolnicar and Leisch).
    select
        candidate_id,
        bool_and(is_met) as is_reproduced
    from constraints
    where
        constraint_name in (
            'agreement on resamples', 'low agreement on resamples', 'segments come back'
        )
    group by 1

),

judged as (

    select
        measured_candidates.*,
        {{ star_except(['candidate_id'], 'ranked_candidates') }},  -- noqa: RF02
        best.candidate_id as best_candidate_id,
        best.clusters as best_clusters,
        best.score as score_of_best,
        near_best.candidates as candidates_near_best,
        case
            when measured_candidates.resamples is null then null
            when not reproduced.is_reproduced then 'constructed'
            when measured_candidates.lowest_segment_silhouette < {{ natural_silhouette }}
                then 'reproducible'
            else 'natural'
        end as segment_nature,
        measured_candidates.is_of_other_data
        or measured_candidates.is_of_other_settings as is_stale,
        case
            when measured_candidates.is_of_other_data and measured_candidates.is_of_other_settings
                then 'customers and settings have changed since'
            when measured_candidates.is_of_other_data then 'the customers have changed since'
            when measured_candidates.is_of_other_settings then 'settings have changed since'
        end as stale_reason
    from measured_candidates
    inner join ranked_candidates
        on measured_candidates.candidate_id = ranked_candidates.candidate_id
    inner join reproduced on measured_candidates.candidate_id = reproduced.candidate_id
    cross join near_best
    left join best on true

),

worded as (

    select
        *,
        ' Against it: ' || objections || '.' as against_it,
        case chosen_by
            when 'by hand'
                then
                    'Pinned by hand (pinned_candidate). '
                    || case
                        when best_candidate_id = candidate_id then 'The comparison chooses it too.'
                        when best_candidate_id is not null
                            then 'The comparison would choose ' || best_candidate_id || '.'
                        else 'The comparison has no eligible candidate.'
                    end
                    || coalesce(against_it, '')
            when 'by default'
                then
                    'The default (default_candidate), because '
                    || case
                        when compared_at is null
                            then 'nothing has been compared yet (make compare).'
                        else 'no candidate is eligible.' || against_it
                    end
            when 'by the comparison'
                then
                    printf(
                        'The fewest segments of the %d eligible candidates within %.2f of the '
                        || 'best score (%.3f), and the best score of these (%.3f).',
                        candidates_near_best,
                        cast({{ var('choice_score_tolerance') }} as double),
                        best_score,
                        score
                    )
            else
                case
                    when not is_eligible then 'Not eligible: ' || objections || '.'
                    when not is_near_best
                        then
                            printf(
                                'Its score is %.3f; at least %.3f is near the best.',
                                score,
                                best_score - {{ var('choice_score_tolerance') }}
                            )
                    when clusters > best_clusters
                        then
                            printf(
                                'Its score is %.3f, but %s does with fewer segments.',
                                score, best_candidate_id
                            )
                    when place = 1
                        then 'The choice of the comparison, but another candidate is pinned.'
                    when score < score_of_best
                        then
                            printf(
                                'Its score is %.3f; %s has a better one with as many segments.',
                                score, best_candidate_id
                            )
                    else
                        printf(
                            'Its score is that of %s, which comes first because it has fewer '
                            || 'features, or by its name.',
                            best_candidate_id
                        )
                end
        end as reason
    from judged

)

select * from worded  -- noqa: AM04
order by candidate_id
