{# Whole days that have elapsed from one timestamp to another; `dbt.datediff` counts midnights. #}
{% macro elapsed_days(from_time, to_time) -%}
    {{ adapter.dispatch('elapsed_days')(from_time, to_time) }}
{%- endmacro %}

{% macro default__elapsed_days(from_time, to_time) -%}
    date_sub('day', {{ from_time }}, {{ to_time }})
{%- endmacro %}

{% macro spark__elapsed_days(from_time, to_time) -%}
    timestampdiff(day, {{ from_time }}, {{ to_time }})
{%- endmacro %}


{# Seconds from one timestamp to another, with fractions; `dbt.datediff` counts whole ones. #}
{% macro seconds_between(from_time, to_time) -%}
    {{ adapter.dispatch('seconds_between')(from_time, to_time) }}
{%- endmacro %}

{% macro default__seconds_between(from_time, to_time) -%}
    (epoch({{ to_time }}) - epoch({{ from_time }}))
{%- endmacro %}

{% macro spark__seconds_between(from_time, to_time) -%}
    (cast(timestampdiff(microsecond, {{ from_time }}, {{ to_time }}) as double) / 1e6)
{%- endmacro %}


{# A row for each timestamp from the first one to the last at most, an interval such as '2 week' apart; an
   expression of a select list. The bounds are columns, where `dbt.date_spine` asks for them when it compiles. #}
{% macro every(interval, first, last) -%}
    {{ adapter.dispatch('every')(interval, first, last) }}
{%- endmacro %}

{% macro default__every(interval, first, last) -%}
    cast(unnest(generate_series({{ first }}, {{ last }}, interval '{{ interval }}')) as timestamp)
{%- endmacro %}

{% macro spark__every(interval, first, last) -%}
    explode(
        case when {{ first }} <= {{ last }} then sequence({{ first }}, {{ last }}, interval '{{ interval }}') end
    )
{%- endmacro %}


{# The day of a timestamp as text, YYYY-MM-DD. #}
{% macro iso_date(time) -%} cast(cast({{ time }} as date) as string) {%- endmacro %}


{# Later and earlier than every other date. #}
{% macro end_of_time() -%} timestamp '9999-12-31' {%- endmacro %}
{% macro start_of_time() -%} timestamp '0001-01-01' {%- endmacro %}
