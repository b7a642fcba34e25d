with

followed as (

    select * from {{ ref('monitoring_contract_options') }}

),

first_fits as (

    select min(fitted_as_of) as fitted_as_of from followed

)

select
    followed.option,
    followed.weeks,
    count(*) as start_dates,
    {{ mean_in_order('followed.adjusted_rand_index', ['followed.fitted_as_of']) }}
        as mean_adjusted_rand_index,
    min(followed.adjusted_rand_index) as min_adjusted_rand_index,
    max(
        case
            when followed.fitted_as_of = first_fits.fitted_as_of then followed.adjusted_rand_index
        end
    ) as first_adjusted_rand_index
from followed
cross join first_fits
group by 1, 2
order by followed.option, followed.weeks
