-- The seed manual_champions names models of marts.segment_models only, and none before it was
-- fitted.
select
    manual_champions.champion_from,
    manual_champions.model_id
from {{ ref('manual_champions') }} as manual_champions
anti join {{ ref('segment_models') }} as models
    on
        manual_champions.model_id = models.model_id
        and manual_champions.champion_from >= models.fitted_as_of
