-- Each customer that a model is fitted on has one label of the model and one of the origin.
select
    models.model_id,
    models.customers,
    sum(cross_tables.customers) as labelled
from {{ ref('segment_models') }} as models
left join {{ ref('score_cross_tables') }} as cross_tables
    on models.model_id = cross_tables.model_id
group by 1, 2
having labelled is distinct from models.customers
