with

models as (

    select * from {{ ref('fit_models') }}

),

origins as (

    -- The first model is the one in use, and the one whose ageing the contract watches.
    select
        model_id,
        fitted_as_of
    from models
    order by fitted_as_of
    limit 1

),

paired as (

    select
        origins.model_id as origin_model_id,
        models.model_id,
        models.fitted_as_of as review_date,
        date_diff('day', origins.fitted_as_of, models.fitted_as_of) / 7.0 as weeks
    from origins
    inner join models on origins.fitted_as_of <= models.fitted_as_of

)

select * from paired
order by origin_model_id, review_date
