with

axes as (

    select * from {{ ref('champion_axes') }}

),

covariances as (

    -- Axes and variances together are the covariance matrix.
    select
        axes.model_id,
        axes.feature,
        others.feature as other_feature,
        sum(axes.variance * axes.loading * others.loading) as covariance
    from axes
    inner join axes as others on axes.axis = others.axis
    group by 1, 2, 3

),

variances as (

    select
        feature,
        covariance as variance
    from covariances
    where feature = other_feature

)

select
    covariances.model_id,
    covariances.feature,
    covariances.other_feature,
    -- Rounded: the order of a sum changes its last digits.
    round(
        covariances.covariance / nullif(sqrt(variances.variance * other_variances.variance), 0), 6
    ) as correlation
from covariances
inner join variances on covariances.feature = variances.feature
inner join variances as other_variances on covariances.other_feature = other_variances.feature
order by covariances.feature, covariances.other_feature
