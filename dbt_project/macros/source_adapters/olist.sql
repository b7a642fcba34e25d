{# Columns are named as in the published files. #}
{% macro olist__file_columns() %} {{ return({}) }} {% endmacro %}


{% macro olist__amounts() %} {{ return(none) }} {% endmacro %}


{% macro olist__first_date() %} {{ return('2018-01-01') }} {% endmacro %}


{% macro olist__normalized_id(id) %} {{ return(id) }} {% endmacro %}


{% macro olist__missing_features() %} {{ return([]) }} {% endmacro %}


{% macro olist__knows_new_rows() %} {{ return(true) }} {% endmacro %}


{% macro olist__keys_of_erased() %}
    {{ return({
        'olist_order_items_dataset': 'order_id',
        'olist_order_payments_dataset': 'order_id',
        'olist_order_reviews_dataset': 'order_id',
        'olist_orders_dataset': 'order_id',
        'olist_customers_dataset': 'customer_id',
    }) }}
{% endmacro %}


{# `customer_id` in Olist is a key of the order; the person is customer_unique_id. #}
{% macro olist__erased_orders(schema) %}
    select
        customers.customer_id,
        orders.order_id
    from {{ schema }}.olist_customers_dataset as customers
    left join {{ schema }}.olist_orders_dataset as orders on customers.customer_id = orders.customer_id
    where sha256(customers.customer_unique_id) in (
        select erased_customers.customer_hash from {{ schema }}.erased_customers
    )
{% endmacro %}
