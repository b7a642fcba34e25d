{{ config(enabled=var('source') == 'relations') }}

{#- Flags of accepted rows, with the relation and the rule that counts them; those of columns that
    the relation has not would say nothing. -#}
{%- set flags = {
    'is_amount_missing': ('order_lines', 'amount', 'no_value'),
    'is_number_of_items_missing': ('order_lines', 'items', 'no_items'),
    'is_score_missing': ('reviews', 'review_score', 'no_review_score'),
    'is_score_out_of_range': ('reviews', 'review_score', 'score_out_of_range'),
    'is_undated': ('reviews', 'review_score', 'no_review_time'),
    'is_reviewed_before_ordered': ('reviews', 'reviewed_at', 'written_before_order'),
} -%}

with

orders as (

    select * from {{ ref('stg_relations__orders') }}

),

matched as (

    select
        *,
        -- A review is a fact of its own time, everything else of the time of the order.
        cast(coalesce(reviewed_at, ordered_at) as date) as fact_date
    from {{ ref('stg_relations__rows_matched_to_orders') }}

),

counted as (

    select
        'orders' as raw_table,
        'erased_on_request' as rule,
        cast(null as date) as fact_date
    from orders
    where is_erased
    union all
    select
        relation as raw_table,
        'all rules' as rule,
        fact_date
    from matched
    where coalesce(rejection_reason, '') != 'erased_on_request'
    union all
    select
        relation as raw_table,
        rejection_reason as rule,
        fact_date
    from matched
    where rejection_reason is not null
    {% for flag, (relation, column, rule) in flags.items()
        if is_told_by_relation(relation, column) %}
        union all
        select
            relation as raw_table,
            '{{ rule }}' as rule,
            fact_date
        from matched
        where relation = '{{ relation }}' and {{ flag }} and rejection_reason is null
    {% endfor %}

)

select
    raw_table,
    rule,
    fact_date,
    cast(count(*) as bigint) as affected_rows
from counted
group by 1, 2, 3
