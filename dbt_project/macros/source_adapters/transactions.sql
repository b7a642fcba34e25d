{#
    The column of the file for each declared column as the var `transaction_columns` says, none where the file
    has none; checked.
#}
{% macro transactions__file_columns() %}
    {% set columns = var('transaction_columns') %}
    {% set needed = ['customer_id', 'ordered_at', 'amount'] %}
    {% set optional = ['order_id', 'order_status', 'items', 'category', 'state', 'city', 'delivered_at']
        + ['promised_at', 'review_score', 'reviewed_at'] %}
    {% for name in columns if name not in needed + optional %}
        {% do stop_for_transaction_columns(
            'names ' ~ name ~ '; it can name ' ~ (needed + optional) | join(', ')
        ) %}
    {% endfor %}
    {% for name in needed if not columns.get(name) %}
        {% do stop_for_transaction_columns('does not say which column of the file is ' ~ name) %}
    {% endfor %}
    {% if columns.get('review_score') and not columns.get('reviewed_at') %}
        {% do stop_for_transaction_columns(
            'names review_score without reviewed_at; a score counts from the time on at which it is known'
        ) %}
    {% endif %}
    {% set all = {} %}
    {% for name in needed + optional %}
        {% do all.update({name: columns.get(name)}) %}
    {% endfor %}
    {{ return(all) }}
{% endmacro %}


{% macro stop_for_transaction_columns(fault) %}
    {% do exceptions.raise_compiler_error('Check the var transaction_columns: it ' ~ fault ~ '.') %}
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


{% macro transactions__keys_of_erased() %} {{ return({'raw.transactions': 'customer_id'}) }} {% endmacro %}


{% macro transactions__erased_orders() %}
    select
        customer_id,
        coalesce(order_id, customer_id || ' at ' || cast(ordered_at as varchar)) as order_id
    from raw.transactions
    where sha256(customer_id) in (
        select erased_customers.customer_hash from raw.erased_customers
    )
{% endmacro %}
