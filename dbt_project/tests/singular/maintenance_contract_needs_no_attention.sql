-- Clauses of severity warn that are broken, and clauses that cannot be assessed.
{{ config(severity='warn') }}

select
    clause,
    sentence
from {{ ref('maintenance_contract') }}
where
    severity != 'info'
    and ((status = 'breach' and severity = 'warn') or status = 'not assessable')
