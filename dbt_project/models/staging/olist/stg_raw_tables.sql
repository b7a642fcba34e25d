{{ config(enabled=var('source') == 'olist', materialized='table') }}

{#- Accepted rows are counted in the last table that they reach: a join that loses or multiplies
    rows shows. Staging is the last one of the tables that no join uses row by row. -#}
{%- set accepted_in_staging = {
    'olist_customers_dataset': 'customers',
    'olist_sellers_dataset': 'sellers',
    'olist_geolocation_dataset': 'geolocation',
    'product_category_name_translation': 'product_category_name_translation',
} -%}
{%- set accepted_in_orders = {
    'olist_order_items_dataset': ['order_items', 'sum(items)'],
    'olist_order_payments_dataset': ['order_payments', 'sum(payments)'],
    'olist_order_reviews_dataset': ['order_reviews', 'sum(reviews)'],
    'olist_orders_dataset': ['orders', 'count(*)'],
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

    {% for raw_table, name in accepted_in_staging.items() %}
        select
            '{{ raw_table }}' as raw_table,
            (select count(*) from {{ source('olist', name) }}) as rows_loaded,
            count(*) as rows_accepted
        from {{ ref('stg_olist__' ~ name) }}
        where rejection_reason is null
        union all
    {% endfor %}
    {% for raw_table, (name, rows_accepted) in accepted_in_orders.items() %}
        select
            '{{ raw_table }}' as raw_table,
            (select count(*) from {{ source('olist', name) }}) as rows_loaded,
            coalesce({{ rows_accepted }}, 0) as rows_accepted
        from orders
        union all
    {% endfor %}
    select
        'olist_products_dataset' as raw_table,
        (select count(*) from {{ source('olist', 'products') }}) as rows_loaded,
        count(*) as rows_accepted
    from products

)

select
    traced.raw_table,
    cast(
        traced.rows_loaded
        + coalesce(unreadable_lines.lines, 0)
        + coalesce(rows_of_erased_customers.erased_rows, 0) as bigint
    ) as rows_in,
    cast(traced.rows_accepted as bigint) as rows_accepted
from traced
left join unreadable_lines on traced.raw_table = unreadable_lines.raw_table
left join rows_of_erased_customers on traced.raw_table = rows_of_erased_customers.raw_table
