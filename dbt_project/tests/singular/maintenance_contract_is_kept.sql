-- Clauses of severity error that are broken: the model in use is due for a refit.
-- marts.maintenance_contract has the sentences, marts.maintenance_causes the reasons; policy
-- on_breach refits by itself.
{{ config(severity=env_var('SEGMENTS_CONTRACT_SEVERITY', 'error')) }}

select
    clause,
    sentence
from {{ ref('maintenance_contract') }}
where status = 'breach' and severity = 'error'
