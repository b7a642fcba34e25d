{#
    The segment of any customer, by the features alone: the nearest centroid of the model in use, and the second
    nearest. Names of features stand for values that the caller gives, behind `marker`. It reads public tables only. With the var
    `labels` nobody can tell, and it says so.
#}
{% macro segment_of_query(marker='') %}
{%- if has_labels() %}
    select
        error('segment_of cannot tell a segment: the var labels is set, so somebody else gives them, and nothing scores.')
            as segment_id
{%- else %}
    with

    models_in_use as (

        select
            any_value(model_id) as model_id,
            any_value(scaling_model_id) as scaling_model_id
        from {{ public_table('customer_segments') }}

    ),

    parameters as (

        select parameters.*
        from {{ public_table('segment_model_parameters') }} as parameters
        inner join models_in_use
            on parameters.model_id in (models_in_use.model_id, models_in_use.scaling_model_id)

    ),

    centroids as (

        select centroids.*
        from {{ public_table('segment_model_centroids') }} as centroids
        inner join models_in_use
            on centroids.model_id in (models_in_use.model_id, models_in_use.scaling_model_id)

    ),

    coefficients_in_use as (

        with

        {{ side_by_side('parameters', 'centroids') }}

    ),

    customers as (

        select
            {%- for feature in named_features() %}
                cast({{ marker }}{{ feature }} as double) as {{ feature }},
            {%- endfor %}
            models_in_use.*
        from models_in_use

    ),

    scored as (
        {{ assign_clusters('customers', scaling='scaling_model_id', coefficients='coefficients_in_use') }}
    ),

    segments as (

        select distinct
            centroids.cluster,
            profiles.segment_id,
            profiles.segment_name
        from centroids
        inner join models_in_use on centroids.model_id = models_in_use.model_id
        inner join {{ public_table('segment_profiles') }} as profiles
            on centroids.segment_id = profiles.segment_id

    )

    select
        nearest.segment_id,
        nearest.segment_name,
        runners_up.segment_id as runner_up_segment_id,
        runners_up.segment_name as runner_up_segment_name,
        case
            when scored.runner_up_squared_distance = 0 then 0.0
            else 1 - sqrt(scored.squared_distance / scored.runner_up_squared_distance)
        end as confidence,
        scored.model_id
    from scored
    inner join segments as nearest on scored.cluster = nearest.cluster
    inner join segments as runners_up on scored.runner_up_cluster = runners_up.cluster
{%- endif %}
{% endmacro %}


{# Without the name of the database: a copy of the tables in another file has the function too. #}
{% macro public_table(name) %}{{ layer_schema('marts') }}.{{ name }}{% endmacro %}


{# Every feature that a model may use: those of the vars, and of models in the registry. #}
{% macro named_features() %}
    {% set names = (mapping_var('feature_transforms').keys() | list)
        + (mapping_var('relative_feature_transforms').keys() | list) %}
    {% for feature in scored_models().features if feature not in names %} {% do names.append(feature) %} {% endfor %}
    {{ return(names) }}
{% endmacro %}


{# After the public tables that it reads, in their schema. A feature that is not given is missing, and imputed. #}
{% macro create_segment_of() %} {{ adapter.dispatch('create_segment_of')() }} {% endmacro %}


{% macro duckdb__create_segment_of() %}
    create or replace macro {{ this.schema }}.segment_of(
        {%- for feature in named_features() %}{{ feature }} := null{{ ', ' if not loop.last }}{% endfor -%}
    ) as table (
        {{ segment_of_query() }}
    )
{% endmacro %}


{# What Spark forgets with its session: the analysis segment_of has the query. #}
{% macro spark__create_segment_of() %} {% endmacro %}
