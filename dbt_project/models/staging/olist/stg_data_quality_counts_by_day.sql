{{ config(enabled=var('source') == 'olist', materialized='table') }}

{#- For each raw table its staging model, when a row's fact was, flags that staging sets on accepted
    rows, and traits that take a second table; each with the rule that counts its rows. -#}
{%- set tables = {
    'olist_customers_dataset': {'staging': 'stg_olist__customers'},
    'olist_orders_dataset': {
        'staging': 'stg_olist__orders',
        'of_orders': true,
        'fact_at': 'staged.ordered_at',
        'flags': {
            'is_delivered_before_ordered': 'delivered_before_ordered',
            'is_status_missing': 'no_status',
        },
        'orphan': 'no_customer',
    },
    'olist_order_items_dataset': {
        'staging': 'stg_olist__order_items',
        'of_orders': true,
        'fact_at': 'orders.ordered_at',
        'flags': {'is_price_missing': 'no_price', 'is_freight_missing': 'no_freight'},
        'traits': {'products.product_id is null': 'no_product'},
        'orphan': 'no_order',
    },
    'olist_order_payments_dataset': {
        'staging': 'stg_olist__order_payments',
        'of_orders': true,
        'fact_at': 'orders.ordered_at',
        'flags': {'is_value_missing': 'no_value'},
        'orphan': 'no_order',
    },
    'olist_order_reviews_dataset': {
        'staging': 'stg_olist__order_reviews',
        'of_orders': true,
        'fact_at': 'greatest(staged.written_at, orders.ordered_at)',
        'flags': {
            'is_answer_time_missing': 'no_answer_time',
            'is_undated': 'no_review_time',
            'is_score_missing': 'no_score',
            'is_score_out_of_range': 'score_out_of_range',
        },
        'traits': {'coalesce(staged.written_at < orders.ordered_at, false)': 'written_before_order'},
        'orphan': 'no_order',
    },
    'olist_products_dataset': {
        'staging': 'stg_olist__products',
        'flags': {'is_category_missing': 'no_category'},
    },
    'olist_sellers_dataset': {'staging': 'stg_olist__sellers'},
    'olist_geolocation_dataset': {'staging': 'stg_olist__geolocation'},
    'product_category_name_translation': {
        'staging': 'stg_olist__product_category_name_translation'
    },
} -%}

{#- One raw table after the other: looking for second rows of a key takes memory. -#}
{%- for raw_table, rules in tables.items() %}
    select
        '{{ raw_table }}' as raw_table,
        counted.rule,
        counted.fact_date,
        cast(sum(counted.affected_rows) as bigint) as affected_rows
    from (
        with traits as (
            select
                staged.rejection_reason,
                {% for flag in rules.get('flags', {}) %}
                    staged.{{ flag }},
                {% endfor %}
                {% for trait, rule in rules.get('traits', {}).items() %}
                    {{ trait }} as is_{{ rule }},
                {% endfor %}
                {{ 'orders.order_id is not null' if rules.of_orders else 'true' }}
                    as is_of_known_order,
                cast({{ rules.get('fact_at', 'null') }} as date) as fact_date,
                count(*) as affected_rows
            from {{ ref(rules.staging) }} as staged
            {% if rules.of_orders %}
                left join {{ ref('stg_olist__orders_joined') }} as orders
                    on staged.order_id = orders.order_id
            {% endif %}
            {% if 'no_product' in rules.get('traits', {}).values() %}
                left join {{ ref('stg_olist__products_joined_to_categories') }} as products
                    on staged.product_id = products.product_id
            {% endif %}
            group by all
        )

        select
            'all rules' as rule,
            fact_date,
            affected_rows
        from traits
        union all
        select
            rejection_reason as rule,
            fact_date,
            affected_rows
        from traits
        where rejection_reason is not null
        {% for flag, rule in rules.get('flags', {}).items() %}
            union all
            select
                '{{ rule }}' as rule,
                fact_date,
                affected_rows
            from traits
            where {{ flag }} and rejection_reason is null and is_of_known_order
        {% endfor %}
        {% for rule in rules.get('traits', {}).values() %}
            union all
            select
                '{{ rule }}' as rule,
                fact_date,
                affected_rows
            from traits
            where is_{{ rule }} and rejection_reason is null and is_of_known_order
        {% endfor %}
        {% if rules.orphan %}
            union all
            select
                '{{ rules.orphan }}' as rule,
                fact_date,
                affected_rows
            from traits
            where rejection_reason is null and not is_of_known_order
        {% endif %}
    ) as counted
    group by 1, 2, 3
    union all
{% endfor %}
select
    raw_table,
    rule,
    fact_date,
    cast(affected_rows as bigint) as affected_rows
from (
    select
        'olist_orders_dataset' as raw_table,
        'no_payment' as rule,
        cast(ordered_at as date) as fact_date,
        count(*) as affected_rows
    from {{ ref('stg_olist__orders_joined') }}
    where is_valued_by_items
    group by 1, 2, 3
    union all
    select
        'olist_orders_dataset' as raw_table,
        'no_items' as rule,
        cast(ordered_at as date) as fact_date,
        count(*) as affected_rows
    from {{ ref('stg_olist__orders_joined') }}
    where items = 0
    group by 1, 2, 3
    union all
    select
        'olist_orders_dataset' as raw_table,
        'no_value' as rule,
        cast(ordered_at as date) as fact_date,
        count(*) as affected_rows
    from {{ ref('stg_olist__orders_joined') }}
    where is_valued_by_items and items = 0
    group by 1, 2, 3
    union all
    select
        'olist_orders_dataset' as raw_table,
        'no_review_score' as rule,
        cast(ordered_at as date) as fact_date,
        count(*) as affected_rows
    from {{ ref('stg_olist__orders_joined') }}
    where scored_reviews = 0
    group by 1, 2, 3
    union all
    select
        'olist_products_dataset' as raw_table,
        'no_translation' as rule,
        cast(null as date) as fact_date,
        count(*) as affected_rows
    from {{ ref('stg_olist__products_joined_to_categories') }}
    where is_category_untranslated
    union all
    select
        raw_table,
        'unreadable_line' as rule,
        cast(null as date) as fact_date,
        count(*) as affected_rows
    from {{ ref('stg_raw_files__unreadable_lines') }}
    group by 1, 2
    union all
    select
        raw_table,
        'erased_on_request' as rule,
        cast(null as date) as fact_date,
        erased_rows as affected_rows
    from {{ ref('stg_raw_files__rows_of_erased_customers') }}
) as counted_in_one_go
