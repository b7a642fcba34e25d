{%- set pinned = var('pinned_candidate') -%}
{%- set pinned_id = 'null' -%}
{%- if pinned -%}
    {%- set pinned_id = sql_string(candidate_named_by('pinned_candidate').candidate_id) -%}
{%- endif -%}
{%- set default_id = sql_string(candidate_named_by('default_candidate').candidate_id) -%}

with

candidates as (

    select * from {{ ref('selection_measured_candidates') }}

),

constraints as (

    select * from {{ ref('selection_constraints') }}

),

objections as (

    select
        candidate_id,
        bool_and(is_met) as is_eligible,
        {{ texts_in_order('objection', '; ', 'position') }} as objections
    from constraints
    group by 1

),

eligible as (

    select
        candidates.candidate_id,
        candidates.algorithm,
        candidates.clusters,
        candidates.number_of_features,
        candidates.score,
        max(candidates.score) over () as best_score,
        candidates.score >= max(candidates.score) over () - {{ var('choice_score_tolerance') }}
            as is_near_best
    from candidates
    inner join objections on candidates.candidate_id = objections.candidate_id
    where objections.is_eligible

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

chosen as (

    select
        coalesce({{ pinned_id }}, max(candidate_id), {{ default_id }}) as candidate_id,
        {% if pinned -%}
            'by hand'
        {%- else -%}
            case when count(*) > 0 then 'by the comparison' else 'by default' end
        {%- endif %} as chosen_by
    from placed
    where place = 1

)

select
    candidates.candidate_id,
    objections.is_eligible,
    objections.objections,
    placed.best_score,
    placed.is_near_best,
    placed.place,
    chosen.candidate_id is not null as is_chosen,
    chosen.chosen_by
from candidates
inner join objections on candidates.candidate_id = objections.candidate_id
left join placed on candidates.candidate_id = placed.candidate_id
left join chosen on candidates.candidate_id = chosen.candidate_id
order by candidates.candidate_id
