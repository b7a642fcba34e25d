{#
    Calls a function of the package `segmentation_dbt` with a request, a mapping; returns what the function tells.
    A fault that a user has to mend ends the run with the function's message.
#}
{% macro call_python(function, request) %}
    {% set answer = fromjson(adapter.dispatch('ask_python')(function, tojson(request))) %}
    {% if 'fault' in answer %} {% do exceptions.raise_compiler_error(answer.fault) %} {% endif %}
    {{ return(answer.told) }}
{% endmacro %}


{# On DuckDB the functions are SQL functions, by the plugin that profiles.yml names. #}
{% macro default__ask_python(function, request) %}
    {% set name = 'segmentation_' ~ function %}
    {% set functions = run_query(
        "select distinct function_name from duckdb_functions() where starts_with(function_name, 'segmentation_')"
    ).columns[0].values() | list %}
    {% if functions and name not in functions %}
        {% do exceptions.raise_compiler_error(
            'The library segmentation_dbt is older than the dbt project, and has no ' ~ function ~ '. Install the '
            ~ 'version of the project: pip install customer-segments==VERSION, of the version in its dbt_project.yml.'
        ) %}
    {% elif not functions %}
        {% do exceptions.raise_compiler_error(
            'The profile does not load the plugin of this project. Add to the target ' ~ target.name
            ~ ' in profiles.yml: plugins: [{module: segmentation_dbt}]'
        ) %}
    {% endif %}
    {{ return(run_query('select ' ~ name ~ '(' ~ sql_string(request) ~ ')').rows[0][0]) }}
{% endmacro %}


{# On Spark they are a method of the adapter. #}
{% macro spark__ask_python(function, request) %}
    {{ return(adapter.ask_python(function, request)) }}
{% endmacro %}
