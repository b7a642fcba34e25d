{# The column of the file for each declared column, as the var `transaction_columns` says; none where it has none. #}
{% macro transactions__file_columns() %}
    {% set columns = {} %}
    {% for name in ['customer_id', 'ordered_at', 'amount', 'order_id', 'order_status', 'items', 'category', 'state']
        + ['city', 'delivered_at', 'promised_at', 'review_score', 'reviewed_at', 'refunded_amount'] %}
        {% do columns.update({name: var('transaction_columns').get(name)}) %}
    {% endfor %}
    {% set price = var('transaction_columns').get('unit_price') %}
    {% if price is string and columns['items'] is string %}
        {% do columns.update({
            'amount': {'sql': double_quoted(columns['items']) ~ ' * ' ~ double_quoted(price)}
        }) %}
    {% endif %}
    {{ return(columns) }}
{% endmacro %}


{# A name as it stands in SQL that the reader of raw files computes with. #}
{% macro double_quoted(name) %} {{ return('"' ~ name | replace('"', '""') ~ '"') }} {% endmacro %}


{% macro transactions__amounts() %}
    {{ return({
        'divisor': var('amount_divisor'),
        'decimals': var('amount_decimals'),
        'are_rounded': var('round_amounts'),
    }) }}
{% endmacro %}


{# The first day of a month by which enough customers are known (int_cutoffs). #}
{% macro transactions__first_date() %} {{ return(none) }} {% endmacro %}


{# Customer ids of a row, without blanks around them; with the var `normalize_customer_id` also without other
   white space, and in lower case. #}
{% macro normalized_customer_id(column) -%}
    {%- set how = var('normalize_customer_id') -%}
    {%- if how == 'none' -%} nullif(trim({{ column }}), '')
    {%- elif how == 'trim' -%} nullif(trim({{ without_white_space(column) }}), '')
    {%- else -%} nullif({{ id_in_lower_case(column) }}, '')
    {%- endif -%}
{%- endmacro %}


{% macro id_in_lower_case(column) -%} lower(trim({{ without_white_space(column) }})) {%- endmacro %}


{# Tabs, line feeds, carriage returns, no-break spaces and byte order marks become blanks. #}
{% macro without_white_space(column) -%}
    translate({{ column }}, '{{ "\t\n\r\u00a0\u202f\ufeff" }}', '      ')
{%- endmacro %}


{% macro transactions__normalized_id(id) %}
    {{ return(id.lower().strip() if var('normalize_customer_id') == 'lower_trim' else id.strip()) }}
{% endmacro %}


{# The transactions as they come in: of the raw file, or of the relations. #}
{% macro incoming_transactions() %}
    {{ return(ref('stg_relations__transactions') if var('source') == 'relations' else source('transactions', 'transactions')) }}
{% endmacro %}


{# What the data quality ledger calls them. #}
{% macro name_of_transactions() %} {{ return('orders' if var('source') == 'relations' else 'transactions') }} {% endmacro %}


{# The order of a row: without a number of its own it is what a customer buys at one moment. #}
{% macro order_of_transaction(customer_id) -%}
    coalesce(order_id, {{ customer_id }} || ' at ' || cast(ordered_at as string))
{%- endmacro %}


{# Whether a normalized customer id stands for nobody. #}
{% macro names_nobody(id) -%}
    {%- set values = [] -%}
    {%- for value in var('no_customer_values') -%}
        {%- do values.append(sql_string(transactions__normalized_id(value))) -%}
    {%- endfor -%}
    (lower({{ id }}) in ('nan', 'null', 'none'){{ ' or ' ~ id ~ ' in (' ~ values | join(', ') ~ ')' if values }})
{%- endmacro %}


{% macro is_known_of_transactions(column) %}
    {% set columns = relations__file_columns() if var('source') == 'relations' else transactions__file_columns() %}
    {{ return(columns[column] is not none) }}
{% endmacro %}


{# Whether the rows of transactions tell it, and no relation beside them. #}
{% macro is_told_by_transactions(column) %}
    {% if var('source') == 'relations' and is_told_by_relation('reviews', column) %} {{ return(false) }} {% endif %}
    {{ return(is_known_of_transactions(column)) }}
{% endmacro %}


{% macro transactions__knows_new_rows() %} {{ return(false) }} {% endmacro %}


{% macro transactions__missing_features() %}
    {% set needed = {
        'monetary_value': 'amount',
        'review_score': 'review_score',
        'basket_size': 'items',
        'delivery_days': 'delivered_at',
    } %}
    {% set missing = [] %}
    {% for feature, column in needed.items() if not is_known_of_transactions(column) %}
        {% do missing.append(feature) %}
    {% endfor %}
    {{ return(missing) }}
{% endmacro %}


{# A row without a customer is one of its order. #}
{% macro transactions__keys_of_erased() %}
    {{ return({'transactions': ['customer_id', 'order_id']}) }}
{% endmacro %}


{% macro transactions__erased_orders(schema) %}
    select
        customer_id,
        {{ order_of_transaction(normalized_customer_id('customer_id')) }} as order_id
    from {{ schema }}.transactions
    where sha256({{ normalized_customer_id('customer_id') }}) in (
        select erased_customers.customer_hash from {{ schema }}.erased_customers
    )
{% endmacro %}


{# Decimals of what an order is worth: those of the shop, and cents at the finest. #}
{% macro decimals_of_orders() %} {{ return([var('amount_decimals'), 2] | min) }} {% endmacro %}
