{#-
    What an eligible candidate meets, in the order in which it is reported: a value, unknown where the constraint
    does not apply, its limits, and how it reads when the value is beyond them.
-#}
{#- Least adjusted Rand index between fits on resamples, and between seeds. -#}
{%- set least_agreement = 0.8 -%}
{#- And its 5th percentile: a mean hides a second answer that comes now and then. -#}
{%- set least_low_agreement = 0.7 -%}
{%- set constraints = [
    {
        'name': 'compared', 'value': 'cast(is_compared as integer)', 'at_least': 1,
        'wording': "case when compared_at is null then 'nothing has been compared yet (make compare)'"
            ~ " else 'it was not part of the last comparison (make compare)' end",
    },
    {
        'name': 'fitted', 'value': 'cast(error is null as integer)', 'at_least': 1,
        'wording': "'it could not be fitted: ' || error",
    },
    {
        'name': 'number of segments', 'value': 'clusters', 'bounds': true,
        'at_least': var('choice_min_segments'), 'at_most': var('choice_max_segments'),
        'wording': "printf('%d %s, %d to %d are asked for', clusters, "
            ~ "case when clusters = 1 then 'segment' else 'segments' end, "
            ~ "cast(at_least as integer), cast(at_most as integer))",
    },
    {
        'name': 'smallest segment', 'value': 'smallest_share', 'at_least': var('choice_min_share'), 'bounds': true,
        'wording': "printf('the smallest segment has %.1f %% of the customers, %.1f %% are asked for', "
            ~ '100 * measured_value, 1e2 * at_least)',
    },
    {
        'name': 'noise', 'value': 'noise_share', 'at_most': var('choice_max_noise_share'), 'bounds': true,
        'wording': "printf('%.1f %% of the customers are noise, %.1f %% are allowed', "
            ~ '100 * measured_value, 1e2 * at_most)',
    },
    {
        'name': 'centroids', 'value': "cast(algorithm not in ('dbscan', 'rules') as integer)", 'at_least': 1,
        'wording': "case when algorithm = 'rules' then 'it is there to compare with: models in use have centroids' "
            ~ "else 'it has no centroids, so a frozen model cannot score later customers' end",
    },
    {
        'name': 'names', 'value': 'distinct_names', 'at_least': 'clusters',
        'wording': "printf('its %d segments have %d names', clusters, distinct_names)",
    },
    {
        'name': 'agreement on resamples', 'at_least': least_agreement,
        'value': 'case when resamples is not null then coalesce(resampling_agreement, 0) end',
        'wording': "printf('fits on resamples agree at %.2f (ARI), %.2f is asked for', measured_value, at_least)",
    },
    {
        'name': 'low agreement on resamples', 'at_least': least_low_agreement,
        'value': 'case when resamples is not null then coalesce(resampling_agreement_p05, 0) end',
        'wording': "printf('one in twenty pairs of fits on resamples agrees at %.2f (ARI) or less, "
            ~ "%.2f is asked for', measured_value, at_least)",
    },
    {
        'name': 'agreement of seeds', 'value': 'seed_agreement', 'at_least': least_agreement,
        'wording': "printf('fits with other seeds agree at %.2f (ARI), %.2f is asked for', measured_value, at_least)",
    },
    {
        'name': 'segments come back', 'value': 'lowest_jaccard', 'at_least': least_jaccard(),
        'wording': "printf('on resamples \"%s\" comes back at %.2f (Jaccard) only, %.2f is asked for', "
            ~ 'least_stable_segment, measured_value, at_least)',
    },
    {
        'name': 'resamples can be fitted', 'value': 'failed_resamples', 'at_most': 0,
        'wording': "printf('%d of its %d resamples could not be fitted', failed_resamples, resamples)",
    },
] -%}

{#- Within the bounds of what can be seen without resampling, candidates are resampled. -#}
{%- set within_bounds = [] -%}
{%- for constraint in constraints if constraint.bounds -%}
    {%- set limits = {'>=': constraint.at_least, '<=': constraint.at_most} -%}
    {%- for operator, limit in limits.items() if limit is defined -%}
        {%- do within_bounds.append([constraint.value, operator, limit] | join(' ')) -%}
    {%- endfor -%}
{%- endfor -%}
{%- do constraints.append({
    'name': 'resampled', 'at_least': 1,
    'value': 'case when resamples is null and ' ~ within_bounds | join(' and ') ~ ' then 0 end',
    'wording': "'it has not been resampled under these limits (make compare)'",
}) -%}

with

candidates as (

    select * from {{ ref('selection_measured_candidates') }}

),

constrained as (

    {% for constraint in constraints -%}
        select
            candidate_id,
            {{ loop.index }} as position,
            {{ sql_string(constraint.name) }} as constraint_name,
            measured_value,
            at_least,
            at_most,
            {{ constraint.wording }} as wording
        from (
            select
                *,
                cast({{ constraint.value }} as double) as measured_value,
                cast({{ constraint.get('at_least', 'null') }} as double) as at_least,
                cast({{ constraint.get('at_most', 'null') }} as double) as at_most
            from candidates
        ) as valued
        {{ 'union all' if not loop.last }}
    {% endfor %}

),

judged as (

    select
        *,
        coalesce(measured_value >= at_least, true)
        and coalesce(measured_value <= at_most, true) as is_met
    from constrained

)

select
    candidate_id,
    position,
    constraint_name,
    measured_value,
    at_least,
    at_most,
    is_met,
    case when not is_met then wording end as objection
from judged
order by candidate_id, position
