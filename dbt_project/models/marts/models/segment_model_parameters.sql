with

parameters as (

    select * from {{ ref('training_parameters') }}

)

select
    model_id,
    feature,
    imputation_value,
    lower_cap,
    upper_cap,
    transform,
    mean,
    scale
from parameters
order by model_id, feature
