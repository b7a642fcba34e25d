-- Each raw row is accepted or rejected for one reason; accepted rows are counted where they arrive.
select
    raw_table,
    rows_in,
    rows_accepted,
    rows_rejected
from {{ ref('data_quality_ledger') }}
where rule = 'all rules' and rows_in != rows_accepted + rows_rejected
