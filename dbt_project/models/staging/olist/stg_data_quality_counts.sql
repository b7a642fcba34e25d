{{ config(enabled=var('source') == 'olist', materialized='table') }}

{#- For each raw table its staging model, flags that staging sets on rows that are kept, and traits
    that take a second table; each with the rule that counts its rows. -#}
{%- set tables = {
    'olist_customers_dataset': {'staging': 'stg_olist__customers'},
    'olist_orders_dataset': {
        'staging': 'stg_olist__orders',
        'of_orders': true,
        'flags': {
            'is_delivered_before_ordered': 'delivered_before_ordered',
            'is_status_missing': 'no_status',
        },
        'orphan': 'no_customer',
    },
    'olist_order_items_dataset': {
        'staging': 'stg_olist__order_items',
        'of_orders': true,
        'flags': {'is_price_missing': 'no_price', 'is_freight_missing': 'no_freight'},
        'traits': {'products.product_id is null': 'no_product'},
        'orphan': 'no_order',
    },
    'olist_order_payments_dataset': {
        'staging': 'stg_olist__order_payments',
        'of_orders': true,
        'flags': {'is_value_missing': 'no_value'},
        'orphan': 'no_order',
    },
    'olist_order_reviews_dataset': {
        'staging': 'stg_olist__order_reviews',
        'of_orders': true,
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

with

orders as (

    select * from {{ ref('stg_olist__orders_joined') }}

),

products as (

    select * from {{ ref('stg_olist__products_joined_to_categories') }}

),

unreadable_lines as (

    select * from {{ ref('stg_raw_files__unreadable_lines') }}

),

rows_of_erased_customers as (

    select * from {{ ref('stg_raw_files__rows_of_erased_customers') }}

),

-- Each staging model is read once: looking for second rows of a key takes time.
{% for raw_table, rules in tables.items() %}
    traits_of_{{ raw_table }} as (

        select
            staged.set_aside_reason,
            {% for flag in rules.get('flags', {}) %}
                staged.{{ flag }},
            {% endfor %}
            {% for trait, rule in rules.get('traits', {}).items() %}
                {{ trait }} as is_{{ rule }},
            {% endfor %}
            {% if rules.of_orders %}
                orders.order_id is not null as is_of_known_order,
            {% else %}
                true as is_of_known_order,
            {% endif %}
            count(*) as affected_rows
        from {{ ref(rules.staging) }} as staged
        {% if rules.of_orders %}
            left join orders on staged.order_id = orders.order_id
        {% endif %}
        {% if 'no_product' in rules.get('traits', {}).values() %}
            left join products on staged.product_id = products.product_id
        {% endif %}
        group by all

    ),
{% endfor %}

counted as (

    {% for raw_table, rules in tables.items() %}
        select
            '{{ raw_table }}' as raw_table,
            set_aside_reason as rule,
            affected_rows
        from traits_of_{{ raw_table }}
        where set_aside_reason is not null
        union all
        {% for flag, rule in rules.get('flags', {}).items() %}
            select
                '{{ raw_table }}' as raw_table,
                '{{ rule }}' as rule,
                affected_rows
            from traits_of_{{ raw_table }}
            where {{ flag }} and set_aside_reason is null and is_of_known_order
            union all
        {% endfor %}
        {% for rule in rules.get('traits', {}).values() %}
            select
                '{{ raw_table }}' as raw_table,
                '{{ rule }}' as rule,
                affected_rows
            from traits_of_{{ raw_table }}
            where is_{{ rule }} and set_aside_reason is null and is_of_known_order
            union all
        {% endfor %}
        {% if rules.orphan %}
            select
                '{{ raw_table }}' as raw_table,
                '{{ rules.orphan }}' as rule,
                affected_rows
            from traits_of_{{ raw_table }}
            where set_aside_reason is null and not is_of_known_order
            union all
        {% endif %}
    {% endfor %}
    select
        'olist_orders_dataset' as raw_table,
        'no_payment' as rule,
        count(*) as affected_rows
    from orders
    where is_valued_by_items
    union all
    select
        'olist_orders_dataset' as raw_table,
        'no_items' as rule,
        count(*) as affected_rows
    from orders
    where items = 0
    union all
    select
        'olist_orders_dataset' as raw_table,
        'no_value' as rule,
        count(*) as affected_rows
    from orders
    where is_valued_by_items and items = 0
    union all
    select
        'olist_orders_dataset' as raw_table,
        'no_review_score' as rule,
        count(*) as affected_rows
    from orders
    where scored_reviews = 0
    union all
    select
        'olist_products_dataset' as raw_table,
        'no_translation' as rule,
        count(*) as affected_rows
    from products
    where is_category_untranslated
    union all
    select
        raw_table,
        'unreadable_line' as rule,
        count(*) as affected_rows
    from unreadable_lines
    group by 1, 2
    union all
    select
        raw_table,
        'erased_on_request' as rule,
        erased_rows as affected_rows
    from rows_of_erased_customers

)

select
    raw_table,
    rule,
    cast(sum(affected_rows) as bigint) as affected_rows
from counted
group by 1, 2
