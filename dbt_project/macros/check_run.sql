{# At the start of a run: the Python library is of the version of the dbt project. #}
{% macro check_library(version) %}
    {% if execute and builds_models() %} {% do call_python('check_library', {'version': version}) %} {% endif %}
{% endmacro %}


{# At the start of a run: what dbt can be asked for, and this project cannot do, ends in a sentence. #}
{% macro check_run() %}
    {% if execute and builds_models() %}
        {% if flags.EMPTY %}
            {% do exceptions.raise_compiler_error(
                '--empty would replace the segments that are published by none, and leaves no customers to fit a '
                ~ 'model on. To check the project without data, use dbt compile; with a small shop, make demo-data.'
            ) %}
        {% endif %}
        {% for unique_id in selected_resources if unique_id.startswith('model.') %}
            {% for parent in graph.nodes[unique_id].depends_on.nodes
                if parent.startswith('seed.') and parent not in selected_resources %}
                {% set seed = graph.nodes[parent] %}
                {% if load_relation(table_named(seed.schema, seed.alias)) is none %}
                    {% do exceptions.raise_compiler_error(
                        'The seed ' ~ seed.name ~ ' is not in the warehouse yet: run dbt seed first, or dbt '
                        ~ 'build for all at once.'
                    ) %}
                {% endif %}
            {% endfor %}
        {% endfor %}
    {% endif %}
{% endmacro %}
