{{ config(materialized='incremental', full_refresh=false) }}

{%- set candidate = chosen_model() -%}

with

customer_features as (

    select * from {{ ref('int_customer_features') }}

),

parameters as (

    select * from {{ ref('score_model_parameters') }}

),

models as (

    select * from {{ ref('fit_models') }}
    where candidate_id = {{ sql_string(candidate.candidate_id) }}

),

new_models as (

    select * from models
    {%- if is_incremental() %}
        where model_id not in (select known.model_id from {{ this }} as known)
    {%- endif %}

),

scalings as ({{ transformed_scalings('parameters', candidate) }}),

capped as materialized (

    select
        new_models.model_id,
        {{ known_features_capped('customer_features', 'scalings', candidate) }}
    from new_models
    inner join customer_features on new_models.fitted_as_of = customer_features.cutoff
    inner join scalings on new_models.model_id = scalings.model_id

),

counted as ({{ counted_values('capped', 'scalings', candidate, var('cell_width') / 100) }})

select
    model_id,
    feature,
    feature_value,
    customers
from counted
order by model_id, feature, feature_value
