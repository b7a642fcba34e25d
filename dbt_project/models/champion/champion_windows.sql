{{ config(materialized='incremental', full_refresh=false) }}

with

models as (

    select * from {{ ref('training_models') }}

),

champion_periods as (

    select * from {{ ref('champion_takeovers') }}

),

evaluations as (

    select * from {{ ref('champion_evaluations') }}

),

first_order as (

    select min(ordered_at) as ordered_at
    from {{ ref('int_orders') }}
    where is_counted

),

champions as (

    select distinct
        models.model_id,
        models.fitted_as_of
    from models
    inner join champion_periods on models.model_id = champion_periods.model_id

),

weeks_up_to_fit as (

    select
        model_id,
        fitted_as_of,
        {{ every(
            '7 day', "fitted_as_of - interval '357' day", 'fitted_as_of'
        ) }} as cutoff
    from champions

),

unioned as (

    -- Of the year up to the fit the weeks before which four weeks, and twelve before them, are
    -- known; and the evaluation dates since.
    select
        weeks_up_to_fit.model_id as origin_model_id,
        weeks_up_to_fit.cutoff,
        weeks_up_to_fit.model_id,
        true as is_reference
    from weeks_up_to_fit
    cross join first_order
    where
        weeks_up_to_fit.cutoff = weeks_up_to_fit.fitted_as_of
        or weeks_up_to_fit.cutoff - interval '112' day >= first_order.ordered_at
    union all
    select
        origin_model_id,
        evaluation_date as cutoff,
        model_id,
        false as is_reference
    from evaluations

)

select unioned.*
from unioned
{%- if is_incremental() %}
    anti join {{ this }} as known
        on
            unioned.origin_model_id = known.origin_model_id
            and unioned.cutoff = known.cutoff
{%- endif %}
{%- if has_labels() %}
    -- Newcomers of the year before have no labels, and where labels lie is not for this project to
    -- judge.
    where false
{%- endif %}
order by unioned.origin_model_id, unioned.cutoff
