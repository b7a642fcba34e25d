{{ config(materialized='incremental', full_refresh=false) }}

{#- What a rule bears on; the others bear on all features. -#}
{%- set rules_of_features = {
    'monetary_value': ['no_payment', 'no_value', 'no_price', 'no_freight', 'negative_money'],
    'basket_size': ['no_items'],
    'review_score': ['no_score', 'score_out_of_range', 'no_answer_time', 'written_before_order'],
    'delivery_days': ['delivered_before_ordered'],
} -%}
{#- What these meet has no day. An order without a review gets one later: the rule always meets the
    newest orders. -#}
{%- set undated_rules = [
    'unreadable_line',
    'erased_on_request',
    'no_key',
    'no_order_time',
    'no_review_time',
    'no_review_score',
] %}

with

counts_by_day as (

    select * from {{ ref('stg_data_quality_counts_by_day') }}

),

rules as (

    select * from {{ ref('data_quality_rules') }}
    where
        rule not in (
            {% for rule in undated_rules %}
                '{{ rule }}'{{ ',' if not loop.last }}
            {% endfor %}
        )

),

evaluation_dates as (

    select
        cutoff,
        lag(cutoff, 1, {{ start_of_time() }}) over (order by cutoff) as previous_cutoff
    from {{ ref('int_cutoffs') }}
    where is_evaluation_date

),

due as (

    select * from evaluation_dates
    {%- if is_incremental() %}
        where cutoff not in (select known.evaluation_date from {{ this }} as known)
    {%- endif %}

),

counted as (

    select
        due.cutoff,
        counts_by_day.raw_table,
        counts_by_day.rule,
        sum(counts_by_day.affected_rows) as affected_rows
    from due
    inner join counts_by_day
        on
            cast(due.previous_cutoff as date) <= counts_by_day.fact_date
            and cast(due.cutoff as date) > counts_by_day.fact_date
    group by 1, 2, 3

),

totals as (

    select * from counted
    where rule = 'all rules'

)

select
    totals.cutoff as evaluation_date,
    totals.raw_table,
    rules.rule,
    case
        {% for feature, its_rules in rules_of_features.items() %}
            {% for rule in its_rules %}
                when rules.rule = '{{ rule }}' then '{{ feature }}'
            {% endfor %}
        {% endfor %}
        else 'all features'
    end as feature,
    cast(totals.affected_rows as bigint) as facts,
    cast(coalesce(counted.affected_rows, 0) as bigint) as affected_facts
from totals
inner join rules on totals.raw_table = rules.raw_table
left join counted
    on
        totals.cutoff = counted.cutoff
        and rules.raw_table = counted.raw_table
        and rules.rule = counted.rule
order by evaluation_date, totals.raw_table, rules.rule
