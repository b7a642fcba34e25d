{#
    Orders that are tables of a warehouse already: the vars `orders` and `columns`, and for what stands in
    tables beside it `order_lines`, `reviews` and `deliveries`. Each relation is read once a build, into
    the staging model of its name.
#}
{# The declared columns of a relation, with their types. #}
{% macro declared_columns(name) %}
    {{ return({
        'orders': {
            'customer_id': 'string',
            'ordered_at': 'timestamp',
            'amount': 'decimal',
            'order_id': 'string',
            'order_status': 'string',
            'items': 'integer',
            'category': 'string',
            'state': 'string',
            'city': 'string',
            'delivered_at': 'timestamp',
            'promised_at': 'timestamp',
            'review_score': 'integer',
            'reviewed_at': 'timestamp',
            'refunded_amount': 'decimal',
        },
        'order_lines': {'order_id': 'string', 'amount': 'decimal', 'items': 'integer', 'category': 'string'},
        'reviews': {'order_id': 'string', 'review_score': 'integer', 'reviewed_at': 'timestamp'},
        'deliveries': {'order_id': 'string', 'delivered_at': 'timestamp', 'promised_at': 'timestamp'},
        'labels': {'label_set': 'string', 'labelled_at': 'timestamp', 'customer_id': 'string', 'label': 'string'},
    }[name]) }}
{% endmacro %}


{# The relations beside the orders that the vars name. #}
{% macro relations_beside_orders() %}
    {% set named = [] %}
    {% for name in ['order_lines', 'reviews', 'deliveries'] if var(name) %} {% do named.append(name) %} {% endfor %}
    {{ return(named) }}
{% endmacro %}


{% macro is_told_by_relation(name, column) %}
    {% set columns = columns_of_relation(name) %}
    {% set given = columns.get(column) or (columns.get('unit_price') if column == 'amount' else none) %}
    {{ return(given is not none) }}
{% endmacro %}


{# What the columns of a relation are called there: a name or {'sql': …}, by declared column. #}
{% macro columns_of_relation(name) %}
    {% if not var(name) %} {{ return({}) }} {% endif %}
    {{ return(mapping_var('columns') if name == 'orders' else mapping_var(name).get('columns') or {}) }}
{% endmacro %}


{#
    What stands after `from` to read the relation that a var names; nothing is read where the var is null. In
    a build the relation is there, and has the columns, or the build stops. To be called once in a
    model: a source of a plugin is loaded each time it is named.
#}
{% macro relation_of(name) %}
    {% set given = var(name) or {} %}
    {% if given.model %}
        {% set relation, named = ref(given.model) | string, 'the model ' ~ given.model %}
    {% elif given.source %}
        {% set relation = source(given.source[0], given.source[1]) | string %}
        {% set named = 'the source ' ~ given.source | join('.') %}
    {% elif given.path %}
        {% set path = path_below_data(given.path) %}
        {% set relation, named = rows_of_files(path), 'the files at ' ~ path %}
    {% elif given.relation %}
        {% set parts = [] %}
        {% for part in modules.re.findall('"(?:[^"]|"")+"|[^."]+', given.relation) %}
            {% set part = part[1:-1] | replace('""', '"') if part.startswith('"') else part %}
            {% do parts.append(sql_identifier(part)) %}
        {% endfor %}
        {% set relation, named = parts | join('.'), 'the relation ' ~ given.relation %}
    {% else %}
        {{ return('(select 1 as nothing where false) as nothing') }}
    {% endif %}
    {% if execute and builds_models() %}
        {% do call_python('check_relation', {
            'var': name,
            'named': named,
            'relation': relation,
            'columns': columns_of_relation(name),
            'types': declared_columns(name),
        }) %}
    {% endif %}
    {{ return(relation) }}
{% endmacro %}


{# A path is one below the data folder, unless it is absolute or a URL. #}
{% macro path_below_data(path) %}
    {% if path.startswith('/') or '://' in path %} {{ return(path) }} {% endif %}
    {% set data = env_var('SEGMENTS_DATA', 'data/demo').rstrip('/') %}
    {# Orders of one file have others beside it. #}
    {% set data = modules.re.sub('[^/]+[.](csv|parquet|xlsx)$', '', data) or '.' %}
    {{ return(data.rstrip('/') ~ '/' ~ path) }}
{% endmacro %}


{#
    The declared columns of a relation as texts, for a select list: of a text as it stands, and of other types as
    `<column>_text`, which the macros below read. Null where the relation has no such column.
#}
{% macro texts_of(name) -%}
    {%- set columns = columns_of_relation(name) -%}
    {%- for column, type in declared_columns(name).items() %}
        {%- set text = 'cast(' ~ sql_of_column(columns.get(column)) ~ ' as string)' -%}
        {%- if column == 'amount' and columns.get('unit_price') -%}
            {%- set text = 'cast(' ~ number_of_column(columns["items"]) ~ ' * '
                ~ number_of_column(columns.unit_price) ~ ' as string)' -%}
        {%- endif -%}
        {{ "nullif(" ~ text ~ ", '') as " ~ column if type == 'string' else "nullif(trim(" ~ text ~ "), '') as " ~ column ~ "_text" }}
        {{- ', ' if not loop.last }}
    {% endfor -%}
{%- endmacro %}


{% macro sql_of_column(given) %}
    {% if given is mapping %} {{ return('(' ~ given.sql ~ ')') }} {% endif %}
    {{ return(sql_identifier(given) if given else 'null') }}
{% endmacro %}


{% macro number_of_column(given) -%}
    {{ 'try_cast(cast(' ~ sql_of_column(given) ~ ' as string) as decimal(18, 6))' }}
{%- endmacro %}


{# A text as a time of the shop, from 1990 to 2099; null where it is none. #}
{% macro time_of(text) -%}
    {%- set time = time_of_text(text, var('time_zone') or 'UTC') -%}
    case when {{ time }} >= timestamp '1990-01-01' and {{ time }} < timestamp '2100-01-01' then {{ time }} end
{%- endmacro %}


{# A text as an amount of money, divided and no finer than the vars say; null where it is none. #}
{% macro amount_of(text) -%}
    {%- set amount = 'try_cast(' ~ text ~ ' as decimal(18, 6))' -%}
    {%- if var('amount_divisor') != 1 -%}
        {%- set amount = 'cast(' ~ amount ~ ' * ' ~ '%.6f' % (1 / var('amount_divisor')) ~ ' as decimal(18, 6))' -%}
    {%- endif -%}
    case
        when abs({{ amount }}) < 10000000000
            {%- if not var('round_amounts') %} and {{ amount }} = round({{ amount }}, {{ var('amount_decimals') }}) {% endif %}
            then {{ amount }}
    end
{%- endmacro %}


{# A text as a whole number; null where it is none. #}
{% macro whole_number_of(text) -%}
    {%- set number = 'try_cast(' ~ text ~ ' as decimal(18, 6))' -%}
    case when {{ number }} = round({{ number }}, 0) then try_cast({{ number }} as integer) end
{%- endmacro %}


{# Column and text of the first value of a row that is not of its declared type; null where each is. #}
{% macro misfit_of(name) -%}
    case
    {%- for column, type in declared_columns(name).items() if type != 'string' %}
        when {{ column }}_text is not null and {{ column }} is null then '{{ column }}: ' || {{ column }}_text
    {%- endfor %}
    end
{%- endmacro %}


{# After a relation is read: a value that is not of its type stops the build. #}
{% macro stop_on_misfits(name) %}
    {% if execute %}
        {% set misfit, number = run_query(
            'select min(misfit), count(*) from ' ~ this ~ ' where misfit is not null'
        ).rows[0] %}
        {% if number %}
            {% do call_python('tell_misfit', {
                'var': name,
                'misfit': misfit,
                'number': number | int,
                'columns': columns_of_relation(name),
                'types': declared_columns(name),
                'decimals': var('amount_decimals'),
            }) %}
        {% endif %}
    {% endif %}
{% endmacro %}


{# At the start of a run: the tables that staging reads beside the relations are there. #}
{% macro prepare_relations() %}
    {% do call_python('prepare_relations', {'schema': layer_schema('raw'), 'time_zone': var('time_zone')}) %}
{% endmacro %}


{# Which column tells what, wherever it stands. #}
{% macro relations__file_columns() %}
    {% set columns = {} %}
    {% for column in declared_columns('orders') %} {% do columns.update({column: none}) %} {% endfor %}
    {% for name in ['orders'] + relations_beside_orders() %}
        {% for column, given in columns_of_relation(name).items() %}
            {% set column = 'amount' if column == 'unit_price' else column %}
            {% if given and (name == 'orders' or column != 'order_id') %} {% do columns.update({column: given}) %} {% endif %}
        {% endfor %}
    {% endfor %}
    {{ return(columns) }}
{% endmacro %}


{% macro relations__first_date() %} {{ return(none) }} {% endmacro %}


{% macro relations__normalized_id(id) %} {{ return(transactions__normalized_id(id)) }} {% endmacro %}


{% macro relations__knows_new_rows() %} {{ return(false) }} {% endmacro %}


{% macro relations__missing_features() %} {{ return(transactions__missing_features()) }} {% endmacro %}


{# A row without a customer is one of its order. #}
{% macro relations__keys_of_erased() %}
    {% set keys = ['customer_id', 'order_id'] %}
    {{ return({'stg_relations__orders': keys, 'stg_relations__transactions': keys}) }}
{% endmacro %}


{% macro relations__erased_orders(schema) %}
    select
        customer_id,
        {{ order_of_transaction(normalized_customer_id('customer_id')) }} as order_id
    from {{ layer_schema('staging') }}.stg_relations__orders
    where sha256({{ normalized_customer_id('customer_id') }}) in (
        select erased_customers.customer_hash from {{ schema }}.erased_customers
    )
{% endmacro %}
