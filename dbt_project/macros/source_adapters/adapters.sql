{#
    The adapter of the var `source`: a folder of staging models that make the neutral interface of the raw
    tables, and a file of macros beside this one, named after it. The macros are

        <source>__file_columns()      by declared column the file's column where it has another name, none
                                      where the file has none, {'sql': …} where it is computed of others
        <source>__amounts()           how money is written, none where in whole cents
        <source>__first_date()        the first evaluation date where the var names none; none where the
                                      orders tell
        <source>__normalized_id(id)   the id of a customer, given as text, as the marts have it
        <source>__missing_features()  features that the source does not tell
        <source>__knows_new_rows()    whether stg_changed_customers tells whom the new rows of raw tables are about
        <source>__erased_orders()     a query of customers and orders that are erased, keys of raw tables
        <source>__keys_of_erased()    the key that finds rows of erased customers, by raw table
#}
{# A macro of the adapter in use. #}
{% macro adapter_macro(name) %}
    {% set macro_name = var('source') ~ '__' ~ name %}
    {% if macro_name not in context %}
        {% do exceptions.raise_compiler_error(
            'source is ' ~ var('source') ~ '; it must be olist, transactions or relations. Check it under vars in '
            ~ 'dbt_project.yml, or in --vars.'
        ) %}
    {% endif %}
    {{ return(context[macro_name]) }}
{% endmacro %}


{# The names of the feature sets that the source can fill. #}
{% macro fillable_feature_sets() %}
    {% set missing = adapter_macro('missing_features')() %}
    {% set found = [] %}
    {% for name, features in mapping_var('feature_sets').items() if not (features or []) | select('in', missing) | list %}
        {% do found.append(name) %}
    {% endfor %}
    {{ return(found) }}
{% endmacro %}


{# Of the names that a setting lists the first one in `fillable`; if none is, the first one. #}
{% macro first_fillable(names, fillable) %}
    {% set listed = [names] if names is string else names %}
    {{ return((listed | select('in', fillable) | list + listed)[0]) }}
{% endmacro %}
