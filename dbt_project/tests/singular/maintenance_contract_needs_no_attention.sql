-- Clauses of severity warn that are broken, and clauses on the model that cannot be assessed; jumps
-- in the data of a young shop never can.
{{ config(severity='warn') }}

select
    clause,
    sentence
from {{ ref('maintenance_contract') }}
where
    severity != 'info'
    and (
        (status = 'breach' and severity = 'warn')
        or (status = 'not assessable' and clause != 'data')
    )
