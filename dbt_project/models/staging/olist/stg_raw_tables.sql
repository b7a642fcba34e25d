{{ config(enabled=var('source') == 'olist', materialized='table') }}

{%- set counted_in_staging = {
    'olist_customers_dataset': 'stg_olist__customers',
    'olist_sellers_dataset': 'stg_olist__sellers',
    'olist_geolocation_dataset': 'stg_olist__geolocation',
    'product_category_name_translation': 'stg_olist__product_category_name_translation',
} -%}
{%- set counted_in_orders = {
    'olist_order_items_dataset': ['stg_olist__order_items', 'items'],
    'olist_order_payments_dataset': ['stg_olist__order_payments', 'payments'],
    'olist_order_reviews_dataset': ['stg_olist__order_reviews', 'reviews'],
} -%}

with

orders as (

    select * from {{ ref('stg_olist__orders_joined') }}

),

products as (

    select * from {{ ref('stg_olist__products_joined_to_categories') }}

),

unreadable_lines as (

    select
        raw_table,
        count(*) as lines
    from {{ ref('stg_raw_files__unreadable_lines') }}
    group by 1

),

rows_of_erased_customers as (

    select * from {{ ref('stg_raw_files__rows_of_erased_customers') }}

),

traced as (

    -- Kept rows are counted in the last table that they reach: a join that loses or multiplies
    -- rows shows. Staging is the last one of the tables that no join uses row by row.
    {% for raw_table, staging in counted_in_staging.items() %}
        select
            '{{ raw_table }}' as raw_table,
            count(*) as rows_staged,
            count(*) filter (where set_aside_reason is null) as rows_kept
        from {{ ref(staging) }}
        union all
    {% endfor %}
    {% for raw_table, (staging, column) in counted_in_orders.items() %}
        select
            '{{ raw_table }}' as raw_table,
            (select count(*) from {{ ref(staging) }}) as rows_staged,
            coalesce(sum({{ column }}), 0) as rows_kept
        from orders
        union all
    {% endfor %}
    select
        'olist_orders_dataset' as raw_table,
        (select count(*) from {{ ref('stg_olist__orders') }}) as rows_staged,
        count(*) as rows_kept
    from orders
    union all
    select
        'olist_products_dataset' as raw_table,
        (select count(*) from {{ ref('stg_olist__products') }}) as rows_staged,
        count(*) as rows_kept
    from products

)

select
    traced.raw_table,
    cast(
        traced.rows_staged
        + coalesce(unreadable_lines.lines, 0)
        + coalesce(rows_of_erased_customers.erased_rows, 0) as bigint
    ) as rows_in,
    cast(traced.rows_kept as bigint) as rows_kept
from traced
left join unreadable_lines on traced.raw_table = unreadable_lines.raw_table
left join rows_of_erased_customers on traced.raw_table = rows_of_erased_customers.raw_table
