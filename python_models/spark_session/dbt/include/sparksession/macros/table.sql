{#
    Parquet tables cannot be replaced in place. A table is built beside the one that stands and takes its place
    when it is whole: a model may read what it replaces, and a failed build leaves the last state.
#}
{% materialization table, adapter='sparksession', supported_languages=['sql', 'python'] %}
    {%- set language = model['language'] -%}
    {%- set target_relation = this.incorporate(type='table') -%}
    {%- set new_relation = target_relation.incorporate(path={'identifier': this.identifier ~ '__dbt_new'}) -%}
    {%- set old_relation = load_cached_relation(this) -%}

    {{ run_hooks(pre_hooks) }}

    {% do adapter.drop_relation(new_relation) %}
    {% call statement('main', language=language) -%}
        {{ create_table_as(false, new_relation, compiled_code, language) }}
    {%- endcall %}
    {% if old_relation is not none %}
        {% do adapter.drop_relation(old_relation) %}
    {% endif %}
    {% do adapter.rename_relation(new_relation, target_relation) %}

    {% do persist_docs(target_relation, model) %}
    {{ run_hooks(post_hooks) }}

    {{ return({'relations': [target_relation]}) }}
{% endmaterialization %}
