{#
    The clauses of the maintenance contract: a list of mappings with `clause`, `breach` and `warn` (the
    values at which it is broken and close to it), `evaluations` (how many in a row must be beyond `breach`),
    `severity` (error, warn or info) and `is_floor` (whether low values are bad).
#}
{% macro maintenance_clauses() %}
    {% set is_floor = {
        'agreement': true, 'segment': true, 'misplaced_revenue': false, 'data': false, 'outcome': false,
        'newcomers': false, 'recipe': false, 'value': false
    } %}
    {% set found = [] %}
    {% for clause, terms in mapping_var('maintenance_clauses').items() %}
        {% do found.append({
            'clause': clause, 'breach': terms.breach, 'warn': terms.warn, 'evaluations': terms.get('evaluations', 1),
            'severity': terms.severity, 'is_floor': is_floor[clause],
        }) %}
    {% endfor %}
    {{ return(found) }}
{% endmacro %}


{# The value at which agreement is broken. #}
{% macro agreement_threshold() -%}
    {{- (maintenance_clauses() | selectattr('clause', 'eq', 'agreement') | first).breach -}}
{%- endmacro %}


{# A clause by its name; without it nothing is ever beyond its limits. #}
{% macro maintenance_clause(name) %}
    {% set found = maintenance_clauses() | selectattr('clause', 'eq', name) | list %}
    {{ return(found[0] if found else {'breach': 1e9, 'warn': 1e9, 'severity': 'info'}) }}
{% endmacro %}
