{# The vars that decide which orders count and what they are worth. #}
{% macro vars_of_orders() %}
    {% set given = {} %}
    {% for name in ['source', 'uncounted_order_statuses', 'transaction_columns', 'csv_format', 'time_zone',
        'amount_divisor', 'amount_decimals', 'returns', 'normalize_customer_id', 'no_customer_values',
        'columns', 'order_lines'] %}
        {% do given.update({name: var(name)}) %}
    {% endfor %}
    {{ return(tojson(given)) }}
{% endmacro %}


{# A table of layer `intermediate` as the last build left it, or none. No `ref`: it is built after its reader. #}
{% macro table_of_last_build(name) %}
    {{ return(load_relation(table_named(layer_schema('intermediate'), name)) if execute else none) }}
{% endmacro %}


{# The versions that the last build has left: under another name, where this build makes them whole (macros/by_change.sql). #}
{% macro customers_of_last_build() %}
    {{ return(table_of_last_build('int_customer_versions_before') or table_of_last_build('int_customer_versions')) }}
{% endmacro %}


{% macro drop_customers_of_last_build() %}
    {% if execute %} {% do adapter.drop_relation(table_named(this.schema, 'int_customer_versions_before')) %} {% endif %}
{% endmacro %}


{# After `int_losses` is built: what the test most_of_the_last_build_is_there stops on, in sentences. #}
{% macro tell_losses() %}
    {% if execute %}
        {% set told = run_query(
            'select sentence from ' ~ this ~ " where is_loss order by case measure when 'rows' then 1 "
            ~ "when 'customers' then 2 when 'orders' then 3 else 4 end, part"
        ).columns[0].values() %}
        {% for sentence in told[:4] %} {% do log(sentence, info=true) %} {% endfor %}
        {% if told | length > 4 %}
            {% do log('... and ' ~ (told | length - 4) ~ ' more losses (int_losses).', info=true) %}
        {% endif %}
    {% endif %}
{% endmacro %}
