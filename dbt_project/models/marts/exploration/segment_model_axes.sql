with

axes as (

    select * from {{ ref('champion_axes') }}

)

select
    model_id,
    axis,
    feature,
    loading,
    variance,
    explained_share
from axes
order by axis, feature
