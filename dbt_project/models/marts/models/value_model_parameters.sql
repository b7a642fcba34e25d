with

value_models as (

    select * from {{ ref('training_value_models') }}

)

select {{ star_except(['points']) }}
from value_models
order by fitted_as_of
