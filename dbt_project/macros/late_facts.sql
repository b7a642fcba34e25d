{# The vars that decide which orders count and what they are worth. #}
{% macro vars_of_orders() %}
    {% set given = {} %}
    {% for name in ['source', 'uncounted_order_statuses', 'transaction_columns', 'csv_format', 'time_zone',
        'amount_divisor', 'amount_decimals', 'returns', 'normalize_customer_id', 'no_customer_values'] %}
        {% do given.update({name: var(name)}) %}
    {% endfor %}
    {{ return(tojson(given)) }}
{% endmacro %}


{# The table `int_order_values` as the last build left it, or none. No `ref`: it is built after its reader. #}
{% macro order_values_of_last_build() %}
    {{ return(load_relation(table_named(layer_schema('intermediate'), 'int_order_values')) if execute else none) }}
{% endmacro %}
