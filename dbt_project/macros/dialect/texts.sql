{# A number with as many decimals as it has, six digits at most. #}
{% macro plain_number(number) -%} {{ adapter.dispatch('plain_number')(number) }} {%- endmacro %}
{% macro default__plain_number(number) -%} printf('%g', {{ number }}) {%- endmacro %}
{% macro spark__plain_number(number) -%}
    regexp_replace(printf('%.5f', cast({{ number }} as double)), '\\.?0+$', '')
{%- endmacro %}


{# SHA-256 as hexadecimal text. #}
{% macro sha256_of(text) -%} {{ adapter.dispatch('sha256_of')(text) }} {%- endmacro %}
{% macro default__sha256_of(text) -%} sha256({{ text }}) {%- endmacro %}
{% macro spark__sha256_of(text) -%} sha2({{ text }}, 256) {%- endmacro %}


{# A number of 60 bits or more that is made of the MD5 of a text; sums of many fit. #}
{% macro hash_number(text) -%} {{ adapter.dispatch('hash_number')(text) }} {%- endmacro %}
{% macro default__hash_number(text) -%} md5_number_lower({{ text }}) {%- endmacro %}
{% macro spark__hash_number(text) -%}
    cast(conv(left(md5({{ text }}), 15), 16, 10) as decimal(38, 0))
{%- endmacro %}


{# A number from 0 to 1, below 1, that is made of the MD5 of a text: the same on each engine. #}
{% macro hash_share(text) -%} {{ adapter.dispatch('hash_share')(text) }} {%- endmacro %}
{% macro default__hash_share(text) -%}
    (cast(cast('0x' || left(md5({{ text }}), 8) as bigint) as double) / 4294967296)
{%- endmacro %}
{% macro spark__hash_share(text) -%}
    (cast(conv(left(md5({{ text }}), 8), 16, 10) as double) / 4294967296)
{%- endmacro %}


{# A name of a column as it stands in a file. #}
{% macro sql_identifier(name) %} {{ return(adapter.dispatch('sql_identifier')(name)) }} {% endmacro %}
{% macro default__sql_identifier(name) %} {{ return('"' ~ name | replace('"', '""') ~ '"') }} {% endmacro %}
{% macro spark__sql_identifier(name) %} {{ return('`' ~ name | replace('`', '``') ~ '`') }} {% endmacro %}


{# Literals: a text, and a timestamp given as text. #}
{% macro sql_string(text) %}
    {% set text = text | replace('\\', '\\\\') if target.type == 'spark' else text %}
    {{ return(dbt.string_literal(dbt.escape_single_quotes(text)) | trim) }}
{% endmacro %}

{% macro sql_timestamp(text) %} {{ return('timestamp ' ~ sql_string(text)) }} {% endmacro %}
