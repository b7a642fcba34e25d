{# The column of the file for each declared column, as the var `transaction_columns` says; none where it has none. #}
{% macro transactions__file_columns() %}
    {% set columns = {} %}
    {% for name in ['customer_id', 'ordered_at', 'amount', 'order_id', 'order_status', 'items', 'category', 'state']
        + ['city', 'delivered_at', 'promised_at', 'review_score', 'reviewed_at'] %}
        {% do columns.update({name: var('transaction_columns').get(name)}) %}
    {% endfor %}
    {{ return(columns) }}
{% endmacro %}


{% macro is_known_of_transactions(column) %}
    {{ return(transactions__file_columns()[column] is not none) }}
{% endmacro %}


{% macro transactions__missing_features() %}
    {% set needed = {'review_score': 'review_score', 'basket_size': 'items', 'delivery_days': 'delivered_at'} %}
    {% set missing = [] %}
    {% for feature, column in needed.items() if not is_known_of_transactions(column) %}
        {% do missing.append(feature) %}
    {% endfor %}
    {{ return(missing) }}
{% endmacro %}


{% macro transactions__keys_of_erased() %} {{ return({'transactions': 'customer_id'}) }} {% endmacro %}


{% macro transactions__erased_orders(schema) %}
    select
        customer_id,
        coalesce(order_id, customer_id || ' at ' || cast(ordered_at as varchar)) as order_id
    from {{ schema }}.transactions
    where sha256(customer_id) in (
        select erased_customers.customer_hash from {{ schema }}.erased_customers
    )
{% endmacro %}
