{#
    The clauses of the maintenance contract, checked: a list of mappings with `clause`, `breach` and `warn` (the
    values at which it is broken and close to it), `evaluations` (how many in a row must be beyond `breach`),
    `severity` (error, warn or info) and `is_floor` (whether low values are bad).
#}
{% macro maintenance_clauses() %}
    {% set is_floor = {'agreement': true, 'segment': true, 'misplaced_revenue': false} %}
    {% set found = [] %}
    {% for clause, terms in var('maintenance_clauses').items() %}
        {% if clause not in is_floor %}
            {% do stop_for_clauses('there is no clause ' ~ clause ~ '; clauses are ' ~ is_floor | join(', ')) %}
        {% endif %}
        {% for name in ['breach', 'warn', 'evaluations', 'severity'] if name not in terms %}
            {% do stop_for_clauses(clause ~ ' has no ' ~ name) %}
        {% endfor %}
        {% for name in terms if name not in ['breach', 'warn', 'evaluations', 'severity'] %}
            {% do stop_for_clauses(clause ~ ' has a term that nothing reads, ' ~ name) %}
        {% endfor %}
        {% if terms.severity not in ['error', 'warn', 'info'] %}
            {% do stop_for_clauses(
                'the severity of ' ~ clause ~ ' is ' ~ terms.severity ~ ', not error, warn or info'
            ) %}
        {% endif %}
        {% if terms.evaluations is not integer or terms.evaluations < 1 %}
            {% do stop_for_clauses('the evaluations of ' ~ clause ~ ' are no whole number from 1 on') %}
        {% endif %}
        {% for name in ['breach', 'warn'] if terms[name] is not number or not 0 <= terms[name] <= 1 %}
            {% do stop_for_clauses(name ~ ' of ' ~ clause ~ ' is no number from 0 to 1') %}
        {% endfor %}
        {% if (terms.warn < terms.breach) == is_floor[clause] and terms.warn != terms.breach %}
            {% do stop_for_clauses(clause ~ ' would be broken before it warns') %}
        {% endif %}
        {% do found.append({
            'clause': clause, 'breach': terms.breach, 'warn': terms.warn, 'evaluations': terms.evaluations,
            'severity': terms.severity, 'is_floor': is_floor[clause],
        }) %}
    {% endfor %}
    {% if 'agreement' not in var('maintenance_clauses') %}
        {% do stop_for_clauses('the clause agreement is missing') %}
    {% endif %}
    {{ return(found) }}
{% endmacro %}


{% macro stop_for_clauses(fault) %}
    {% do exceptions.raise_compiler_error(
        'Check maintenance_clauses under vars in dbt_project.yml: ' ~ fault ~ '.'
    ) %}
{% endmacro %}


{# The value at which agreement is broken. #}
{% macro agreement_threshold() -%}
    {{- (maintenance_clauses() | selectattr('clause', 'eq', 'agreement') | first).breach -}}
{%- endmacro %}


{# The lower of two values; null when one is: `least` passes over nulls. #}
{% macro lower_of(first, second) -%}
    case when {{ first }} is not null and {{ second }} is not null then least({{ first }}, {{ second }}) end
{%- endmacro %}
