{{ config(enabled=var('source') in ['transactions', 'relations'], materialized='table') }}

{#- Flags that staging sets on accepted rows, with the rule that counts them; those of columns
    that the file has not would say nothing. -#}
{%- set flags = {
    'is_amount_missing': ('amount', 'no_value'),
    'is_amount_rounded': ('amount', 'rounded'),
    'is_discount': ('amount', 'discount'),
    'is_return': ('amount', 'returned'),
    'is_customer_id_normalized': ('customer_id', 'normalized_customer_id'),
    'is_continuation': ('order_id', 'continuation_line'),
    'is_order_id_missing': ('order_id', 'no_order_id'),
    'is_status_missing': ('order_status', 'no_status'),
    'is_number_of_items_missing': ('items', 'no_items'),
    'is_delivered_before_ordered': ('delivered_at', 'delivered_before_ordered'),
    'is_score_missing': ('review_score', 'no_review_score'),
    'is_score_out_of_range': ('review_score', 'score_out_of_range'),
    'is_undated': ('review_score', 'no_review_time'),
    'is_reviewed_before_ordered': ('reviewed_at', 'written_before_order'),
} -%}
{%- if var('returns') == 'subtract' -%}
    {%- do flags.update({'is_refunded': ('refunded_amount', 'refunded')}) -%}
{%- endif -%}
{#- A score is a fact of its own time, everything else of the time of the transaction. -#}
{%- set reviewed = 'coalesce(reviewed_at, ordered_at)' -%}
{%- set times = {'score_out_of_range': reviewed, 'written_before_order': reviewed} -%}

with

transactions as (

    select * from {{ ref('stg_transactions__transactions') }}

),

unreadable_lines as (

    select * from {{ ref('stg_raw_files__unreadable_lines') }}

),

rows_of_erased_customers as (

    select * from {{ ref('stg_raw_files__rows_of_erased_customers') }}

),

counted as (

    select
        'all rules' as rule,
        cast(ordered_at as date) as fact_date
    from transactions
    union all
    select
        rejection_reason as rule,
        cast(ordered_at as date) as fact_date
    from transactions
    where rejection_reason is not null
    {% for flag, (column, rule) in flags.items() if is_told_by_transactions(column) %}
        union all
        select
            '{{ rule }}' as rule,
            cast({{ times.get(rule, 'ordered_at') }} as date) as fact_date
        from transactions
        where {{ flag }} and rejection_reason is null
    {% endfor %}
    union all
    select
        'unreadable_line' as rule,
        cast(null as date) as fact_date
    from unreadable_lines

),

aggregated as (

    select
        rule,
        fact_date,
        count(*) as affected_rows
    from counted
    group by 1, 2
    union all
    select
        'erased_on_request' as rule,
        cast(null as date) as fact_date,
        erased_rows as affected_rows
    from rows_of_erased_customers

)

select
    '{{ name_of_transactions() }}' as raw_table,
    rule,
    fact_date,
    cast(affected_rows as bigint) as affected_rows
from aggregated
{% if var('source') == 'relations' %}
    union all
    select
        raw_table,
        rule,
        fact_date,
        affected_rows
    from {{ ref('stg_relations__counts_by_day') }}
{% endif %}
