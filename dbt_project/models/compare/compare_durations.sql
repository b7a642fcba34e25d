with

clauses as (

    select * from {{ ref('compare_clauses') }}
    where clause = 'agreement'

),

models as (

    select * from {{ ref('fit_models') }}

)

select
    models.model_id,
    models.candidate_id,
    models.fitted_as_of,
    'quarter ' || quarter(models.fitted_as_of) as season,
    min(clauses.weeks) filter (where clauses.is_broken) as weeks_until_breach,
    coalesce(
        min(clauses.weeks) filter (where clauses.is_broken), max(clauses.weeks)
    ) as weeks_observed
from clauses
inner join models on clauses.origin_model_id = models.model_id
where clauses.weeks > 0
group by 1, 2, 3, 4
order by models.candidate_id, models.fitted_as_of
