{# Files as rows, all columns of CSV as texts; folders named column=value are columns too. #}
{% macro rows_of_files(path) %} {{ return(adapter.dispatch('rows_of_files')(path)) }} {% endmacro %}

{% macro default__rows_of_files(path) %}
    {% set how = 'union_by_name = true, hive_types_autocast = false' %}
    {% if path.endswith('.parquet') %}
        {{ return('read_parquet(' ~ sql_string(path) ~ ', ' ~ how ~ ')') }}
    {% endif %}
    {{ return('read_csv(' ~ sql_string(path) ~ ', header = true, all_varchar = true, ' ~ how ~ ')') }}
{% endmacro %}

{# The vars are refused before it comes to that. #}
{% macro spark__rows_of_files(path) %} {{ return(sql_identifier(path)) }} {% endmacro %}


{#
    A text as a time; null where it is none. One with an offset, or the name of a zone, behind the time of day becomes
    the time of `zone`; any other stands as it is.
#}
{% macro time_of_text(text, zone) -%} {{ adapter.dispatch('time_of_text')(text, zone) }} {%- endmacro %}

{% macro default__time_of_text(text, zone) -%}
    case
        when regexp_matches({{ text }}, '[0-9]:[0-9.:]+ *([+-][0-9:]+|[A-Za-z].*)$')
            then timezone({{ sql_string(zone) }}, try_cast({{ text }} as timestamptz))
        else try_cast({{ text }} as timestamp)
    end
{%- endmacro %}

{% macro spark__time_of_text(text, zone) -%}
    case
        when regexp_like({{ text }}, '[0-9]:[0-9.:]+ *([+-][0-9:]+|[A-Za-z].*)$')
            then cast(from_utc_timestamp(try_cast({{ text }} as timestamp_ltz), {{ sql_string(zone) }}) as timestamp_ntz)
        else try_cast({{ text }} as timestamp_ntz)
    end
{%- endmacro %}
