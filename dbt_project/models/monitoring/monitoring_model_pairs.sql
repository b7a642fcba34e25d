{{ config(materialized='table') }}

with

models as (

    select * from {{ ref('training_models') }}

),

paired as (

    -- A refit is the same recipe on later customers.
    select
        origins.model_id as origin_model_id,
        models.model_id,
        models.candidate_id,
        models.fitted_as_of as evaluation_date,
        {{ dbt.datediff('origins.fitted_as_of', 'models.fitted_as_of', 'day') }}
        / 7e0 as weeks
    from models
    inner join models as origins
        on
            models.candidate_id = origins.candidate_id
            and models.feature_set = origins.feature_set
            {% if not has_labels() -%}
                and models.n_segments = origins.n_segments
            {%- endif %}
            and models.fitted_as_of >= origins.fitted_as_of

)

select * from paired
order by origin_model_id, evaluation_date
