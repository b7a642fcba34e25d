{# All columns of a relation but some; without `relation`, of all that the query reads. #}
{% macro star_except(columns, relation=none) -%}
    {{- (relation ~ '.' if relation else '') ~ '* ' -}}
    {{- adapter.dispatch('except_keyword')() ~ ' (' ~ columns | join(', ') ~ ')' -}}
{%- endmacro %}


{% macro default__except_keyword() -%} exclude {%- endmacro %}
{% macro spark__except_keyword() -%} except {%- endmacro %}
