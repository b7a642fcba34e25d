{{ config(materialized='incremental', full_refresh=false) }}

with

customer_features as (

    select * from {{ ref('int_customer_features') }}

),

models as (

    select * from {{ ref('fit_models') }}
    {%- if is_incremental() %}
        where model_id not in (select known.model_id from {{ this }} as known)
    {%- endif %}

)

select
    models.model_id,
    models.fitted_as_of,
    count(*) as customers,
    cast(sum(customer_features.frequency) as bigint) as orders,
    cast(sum(customer_features.monetary_value) as decimal(18, 2)) as revenue
from models
inner join customer_features on models.fitted_as_of = customer_features.cutoff
group by 1, 2
order by models.model_id
