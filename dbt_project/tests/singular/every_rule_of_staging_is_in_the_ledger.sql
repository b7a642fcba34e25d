-- A rule that the seed does not know would drop out of the ledger unseen.
select
    counts.raw_table,
    counts.rule
from {{ ref('stg_data_quality_counts') }} as counts
anti join {{ ref('data_quality_rules') }} as rules
    on counts.raw_table = rules.raw_table and counts.rule = rules.rule
