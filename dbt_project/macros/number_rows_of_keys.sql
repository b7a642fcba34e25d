{#
    The rows of `relation`, all of a raw table, with `row_of_key`: 1, 2 … in `order` among the rows of the same key.
    Second rows are rare, so only rows whose first part of the key is one of `stg_olist__repeated_keys` are sorted. A
    row without a key has number 1.

    `relation` is read twice: a CTE for it is `not_materialized`, or DuckDB keeps a whole raw table in memory.
#}
{% macro number_rows_of_keys(relation, raw_table, order) %}
    {%- set key = keys_of_raw_tables()[raw_table] -%}
    with

    repeated_keys as (

        select first_part from {{ ref('stg_olist__repeated_keys') }}
        where raw_table = '{{ raw_table }}'

    )

    select
        *,
        1 as row_of_key
    from {{ relation }}
    anti join repeated_keys
        on {{ relation }}.{{ key[0] }} = repeated_keys.first_part
    union all
    select
        *,
        row_number() over (
            partition by {{ key | join(', ') }} order by {{ order | join(', ') }}
        ) as row_of_key
    from {{ relation }}
    semi join repeated_keys
        on {{ relation }}.{{ key[0] }} = repeated_keys.first_part
{% endmacro %}


{# The columns that tell the rows of a raw table apart. #}
{% macro keys_of_raw_tables() %}
    {{ return({
        'olist_customers_dataset': ['customer_id'],
        'olist_orders_dataset': ['order_id'],
        'olist_order_items_dataset': ['order_id', 'order_item_id'],
        'olist_order_payments_dataset': ['order_id', 'payment_sequential'],
        'olist_order_reviews_dataset': ['review_id', 'order_id'],
        'olist_products_dataset': ['product_id'],
        'olist_sellers_dataset': ['seller_id'],
        'product_category_name_translation': ['product_category_name'],
    }) }}
{% endmacro %}
