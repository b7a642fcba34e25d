{%- set tables = {
    'olist_customers_dataset': {'staging': 'stg_olist__customers'},
    'olist_orders_dataset': {
        'staging': 'stg_olist__orders',
        'changed': {
            'is_delivered_before_ordered': 'delivered_before_ordered',
            'is_status_missing': 'no_status',
        },
    },
    'olist_order_items_dataset': {
        'staging': 'stg_olist__order_items',
        'changed': {'is_price_missing': 'no_price', 'is_freight_missing': 'no_freight'},
    },
    'olist_order_payments_dataset': {
        'staging': 'stg_olist__order_payments',
        'changed': {'is_value_missing': 'no_value'},
    },
    'olist_order_reviews_dataset': {
        'staging': 'stg_olist__order_reviews',
        'changed': {
            'is_answer_time_missing': 'no_answer_time',
            'is_undated': 'no_review_time',
            'is_score_missing': 'no_score',
            'is_score_out_of_range': 'score_out_of_range',
        },
    },
    'olist_products_dataset': {
        'staging': 'stg_olist__products',
        'changed': {'is_category_missing': 'no_category'},
    },
    'olist_sellers_dataset': {'staging': 'stg_olist__sellers'},
    'olist_geolocation_dataset': {'staging': 'stg_olist__geolocation'},
    'product_category_name_translation': {
        'staging': 'stg_olist__product_category_name_translation'
    },
} -%}
{%- set children = {
    'olist_order_items_dataset': 'stg_olist__order_items',
    'olist_order_payments_dataset': 'stg_olist__order_payments',
    'olist_order_reviews_dataset': 'stg_olist__order_reviews',
} -%}

with

orders as (

    select * from {{ ref('int_orders_joined') }}

),

order_items as (

    select * from {{ ref('stg_olist__order_items') }}
    where set_aside_reason is null

),

order_reviews as (

    select * from {{ ref('stg_olist__order_reviews') }}
    where set_aside_reason is null

),

products as (

    select * from {{ ref('int_products_joined_to_categories') }}

),

unreadable_lines as (

    select * from {{ ref('stg_raw_files__unreadable_lines') }}

),

rows_of_erased_customers as (

    select * from {{ ref('stg_raw_files__rows_of_erased_customers') }}

),

orders_without_customer as (

    select staged_orders.order_id
    from {{ ref('stg_olist__orders') }} as staged_orders
    anti join orders on staged_orders.order_id = orders.order_id
    where staged_orders.set_aside_reason is null

),

counted as (

    -- Rules of one table: staging names the reason, or flags the change of a row that is kept.
    {% for raw_table, rules in tables.items() %}
        select
            '{{ raw_table }}' as raw_table,
            set_aside_reason as rule,
            count(*) as affected_rows
        from {{ ref(rules.staging) }}
        where set_aside_reason is not null
        group by 1, 2
        union all
        {% for flag, rule in rules.get('changed', {}).items() %}
            select
                '{{ raw_table }}' as raw_table,
                '{{ rule }}' as rule,
                count(*) as affected_rows
            from {{ ref(rules.staging) }} as staged
            {%- if raw_table == 'olist_orders_dataset' or raw_table in children %}
            semi join orders on staged.order_id = orders.order_id
            {%- endif %}
            where staged.{{ flag }} and staged.set_aside_reason is null
            union all
        {% endfor %}
    {% endfor %}

    -- Rules that need two tables.
    {% for raw_table, staging in children.items() %}
        select
            '{{ raw_table }}' as raw_table,
            'no_order' as rule,
            count(*) as affected_rows
        from {{ ref(staging) }} as children
        anti join orders on children.order_id = orders.order_id
        where children.set_aside_reason is null
        union all
    {% endfor %}
    select
        'olist_orders_dataset' as raw_table,
        'no_customer' as rule,
        count(*) as affected_rows
    from orders_without_customer
    union all
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
        'olist_order_items_dataset' as raw_table,
        'no_product' as rule,
        count(*) as affected_rows
    from order_items
    inner join orders on order_items.order_id = orders.order_id
    anti join products on order_items.product_id = products.product_id
    union all
    select
        'olist_order_reviews_dataset' as raw_table,
        'written_before_order' as rule,
        count(*) as affected_rows
    from order_reviews
    inner join orders on order_reviews.order_id = orders.order_id
    where order_reviews.written_at < orders.ordered_at
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
