{#
    After `int_cutoffs` is built: without an evaluation date there is no model, an order dated far in the future
    would have a model fitted each week until then, and an export that ends before the published state would
    leave a history of days that it does not know.
#}
{% macro stop_on_implausible_dates() %}
    {% set most_dates = 300 %}
    {% if execute %}
        {% set dates, as_of = run_query(
            'select count(case when is_evaluation_date then 1 end), max(case when is_as_of then cutoff end) from ' ~ this
        ).rows[0] %}
        {% set oldest = run_query('select min(ordered_at) from ' ~ ref('int_orders') ~ ' where is_counted').rows[0][0] %}
        {% set range = (oldest | string)[:10] ~ ' to ' ~ (as_of | string)[:10] %}
        {# Two thirds of the way through the orders. #}
        {% set within = oldest + (as_of - oldest) * 2 / 3 if as_of is not none else none %}
        {% set first = 'first_evaluation_date, ' ~ (first_evaluation_date() or 'chosen from the orders') ~ ',' %}
        {% if as_of is none %}
            {% do exceptions.raise_compiler_error(
                'No counted order is left to make segments of: data_quality_ledger says why rows were rejected, and '
                ~ 'the var uncounted_order_statuses which orders do not count.'
            ) %}
        {% elif dates == 0 and has_labels() %}
            {% do exceptions.raise_compiler_error(
                'There is no evaluation date: the orders are of ' ~ range ~ ', and all labels are of later days (labels, '
                ~ 'columns, labelled_at). They count from the build on in which the orders of the day before are there.'
            ) %}
        {% elif dates > most_dates and has_labels() %}
            {% do exceptions.raise_compiler_error(
                'labels has ' ~ dates ~ ' dates up to the newest order; ' ~ most_dates ~ ' are the most. Where labelled_at '
                ~ 'is a time, give the day: labelled_at: {sql: "cast(labelled_at as date)"}; else leave days out.'
            ) %}
        {% elif dates == 0 and first_evaluation_date() is none %}
            {% do exceptions.raise_compiler_error(
                'There is no evaluation date: in the orders, of ' ~ range ~ ', there is no first day of a month by '
                ~ 'which 100 customers have ordered and 90 days have passed. Set first_evaluation_date, to "'
                ~ (within | string)[:10] ~ '" for example.'
            ) %}
        {% elif dates == 0 %}
            {% do exceptions.raise_compiler_error(
                'There is no evaluation date: ' ~ first ~ ' lies after the newest order; the orders are of ' ~ range
                ~ '. Set it to "' ~ (within | string)[:10] ~ '" for example.'
            ) %}
        {% elif dates > most_dates %}
            {% do exceptions.raise_compiler_error(
                'There are ' ~ dates ~ ' evaluation dates from ' ~ first ~ ' to the newest order; ' ~ most_dates
                ~ ' are the most. The orders are of ' ~ range ~ '. If that is right, set evaluation_interval_weeks to '
                ~ (dates * var('evaluation_interval_weeks') / most_dates) | round(0, 'ceil') | int
                ~ ', or a later first_evaluation_date; else correct the date of the newest order, or set as_of.'
            ) %}
        {% endif %}
        {% if not var('as_of') %} {% do stop_on_older_export() %} {% endif %}
    {% endif %}
{% endmacro %}


{# Orders of any status, and returns, tell how far the export reaches: one that is canceled is in it still. #}
{% macro stop_on_older_export() %}
    {% set published = table_named(layer_schema('marts'), 'customer_segments') %}
    {% if 'as_of' in column_names_of(published) %}
        {% set as_of, newest = run_query(
            'select max(as_of), greatest((select max(ordered_at) from ' ~ ref('int_orders')
            ~ '), (select max(returned_at) from ' ~ ref('int_order_returns') ~ ')) from ' ~ published
        ).rows[0] %}
        {% if as_of is not none and newest < as_of - modules.datetime.timedelta(days=1) %}
            {% do exceptions.raise_compiler_error(
                'The newest order is of ' ~ (newest | string)[:10] ~ ', but the warehouse has segments of '
                ~ (as_of | string)[:10] ~ ': the export is older than the last one, or cut. Give the newest files, or a '
                ~ 'new warehouse. If they are right, set the var as_of to "'
                ~ ((newest + modules.datetime.timedelta(days=1)) | string)[:10] ~ '".'
            ) %}
        {% endif %}
    {% endif %}
{% endmacro %}


{# The var, or what the source says in its place; none where the orders tell. #}
{% macro first_evaluation_date() %}
    {{ return(var('first_evaluation_date') or adapter_macro('first_date')()) }}
{% endmacro %}
