with

models as (

    select * from {{ ref('training_models') }}

),

unnested as (

    select
        model_id,
        {{ elements_of('parameters') }} as parameter
    from models

)

select
    model_id,
    parameter.feature,
    parameter.imputation_value,
    parameter.lower_cap,
    parameter.upper_cap,
    parameter.transform,
    parameter.mean,
    parameter.scale
from unnested
order by model_id, parameter.feature
