{{ config(enabled=var('source') == 'relations') }}

with

order_lines as (

    select * from {{ ref('stg_relations__order_lines') }}
    where order_id is not null

),

ranked as (

    -- The category of an order is that of its largest line.
    select
        *,
        row_number() over (
            partition by order_id
            order by amount desc nulls last, category asc nulls last
        ) as line_rank
    from order_lines

)

select
    order_id,
    cast(sum(amount) as decimal(18, 6)) as amount,
    cast(sum(items) as integer) as items,
    max(case when line_rank = 1 then category end) as category
from ranked
group by 1
