-- Customers or settings are no longer those of the last comparison of candidates, so the choice of
-- the model may not stand any more: make compare makes a new one.
{{ config(severity='warn') }}

select stale_reason
from {{ ref('model_comparison') }}
where is_chosen and is_stale
