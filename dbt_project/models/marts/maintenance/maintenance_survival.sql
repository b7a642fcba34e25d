with

survival_curves as (

    select * from {{ ref('monitoring_survival') }}
    where subject_kind = 'candidate'

),

models as (

    select * from {{ ref('segment_models') }}

),

newest as ({{ newest_candidate('models') }})

select
    survival_curves.season,
    survival_curves.weeks,
    survival_curves.at_risk,
    survival_curves.breached,
    survival_curves.survival
from survival_curves
inner join newest on survival_curves.subject = newest.candidate_id
order by survival_curves.season, survival_curves.weeks
