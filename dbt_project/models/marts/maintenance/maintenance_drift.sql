with

evaluations as (

    select * from {{ ref('champion_evaluations') }}

),

stability as (

    select
        origin_model_id,
        model_id,
        false as is_recentred,
        customers,
        adjusted_rand_index,
        noise_floor,
        excess_inertia,
        matched_agreement,
        misplaced_revenue
    from {{ ref('segment_stability') }}
    union all
    select
        origin_model_id,
        model_id,
        true as is_recentred,
        customers,
        structural_agreement as adjusted_rand_index,
        noise_floor,
        structural_excess_inertia as excess_inertia,
        structural_matched_agreement as matched_agreement,
        structural_misplaced_revenue as misplaced_revenue
    from {{ ref('segment_stability') }}

),

by_segment as (

    select * from {{ ref('segment_stability_by_segment') }}

),

furthest as (

    select
        origin_model_id,
        model_id,
        false as is_recentred,
        max(centroid_shift) as largest_centroid_shift,
        max_by(segment_name, centroid_shift) as most_shifted_segment
    from by_segment
    group by 1, 2
    union all
    select
        origin_model_id,
        model_id,
        true as is_recentred,
        max(structural_centroid_shift) as largest_centroid_shift,
        max_by(segment_name, structural_centroid_shift) as most_shifted_segment
    from by_segment
    group by 1, 2

)

select
    evaluations.evaluation_date,
    evaluations.origin_model_id,
    evaluations.model_id,
    evaluations.weeks,
    stability.customers,
    stability.adjusted_rand_index,
    stability.noise_floor,
    coalesce(stability.adjusted_rand_index < stability.noise_floor, false) as is_beyond_noise,
    stability.excess_inertia,
    furthest.largest_centroid_shift,
    furthest.most_shifted_segment,
    1 - stability.matched_agreement as misplaced_share,
    stability.misplaced_revenue,
    evaluations.is_takeover,
    evaluations.is_recentred,
    case
        when stability.noise_floor is null
            then
                {% if has_labels() -%}
                    'The noise floor is unknown, because no other label set began with the newer '
                    || 'one.'
                {%- else -%}
                    'The noise floor is unknown, because the same customers could not be fitted '
                    || 'again.'
                {%- endif %}
        when stability.adjusted_rand_index >= stability.noise_floor
            then
                printf(
                    'No drift: %s %s after its fit the model%s and a refit agree at %.2f, as two '
                    || 'fits of the same customers do (%.2f or more).',
                    {{ plain_number('evaluations.weeks') }},
                    case when evaluations.weeks = 1 then 'week' else 'weeks' end,
                    case when evaluations.is_recentred then ', re-centred,' else '' end,
                    stability.adjusted_rand_index,
                    stability.noise_floor
                )
        else
            printf(
                'Drift: %s %s after its fit the model%s and a refit agree at %.2f, two fits of '
                || 'the same customers at %.2f or more. The refit moves %s furthest (%.2f '
                || 'standard deviations)%s.',
                {{ plain_number('evaluations.weeks') }},
                case when evaluations.weeks = 1 then 'week' else 'weeks' end,
                case when evaluations.is_recentred then ', re-centred,' else '' end,
                stability.adjusted_rand_index,
                stability.noise_floor,
                coalesce('"' || furthest.most_shifted_segment || '"', 'a segment'),
                furthest.largest_centroid_shift,
                coalesce(
                    printf(
                        '; not refitting makes segments %.1f %% looser',
                        100 * stability.excess_inertia
                    ),
                    ''
                )
            )
    end as sentence
from evaluations
inner join stability
    on
        evaluations.origin_model_id = stability.origin_model_id
        and evaluations.model_id = stability.model_id
        and evaluations.is_recentred = stability.is_recentred
inner join furthest
    on
        evaluations.origin_model_id = furthest.origin_model_id
        and evaluations.model_id = furthest.model_id
        and evaluations.is_recentred = furthest.is_recentred
order by evaluations.evaluation_date, evaluations.origin_model_id
