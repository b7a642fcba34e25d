-- Each raw row is kept or set aside for one reason; kept rows are counted where they arrive.
select
    raw_table,
    rows_in,
    rows_kept,
    rows_set_aside
from {{ ref('data_quality_ledger') }}
where rule = 'all rules' and rows_in != rows_kept + rows_set_aside
