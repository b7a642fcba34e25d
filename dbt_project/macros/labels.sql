{# Whether segments are labels that somebody else gives (the var `labels`). #}
{% macro has_labels() %} {{ return(var('labels') is not none) }} {% endmacro %}


{# What label sets have in place of a candidate. #}
{% macro label_candidate() %} {{ return('labels') }} {% endmacro %}


{#
    After the labels are judged: without one of them there is nothing to do, and a column with a value for each customer
    is no label.
#}
{% macro stop_on_unfit_labels() %}
    {% if execute %}
        {% set rows, accepted, reason = run_query(
            'select count(*), count(*) filter (where rejection_reason is null), mode(rejection_reason) from ' ~ this
        ).rows[0] %}
        {% if not accepted %}
            {% do exceptions.raise_compiler_error(
                'labels: of ' ~ rows ~ ' rows none can be used' ~ (', mostly because of ' ~ reason if reason else '')
                ~ ' (the seed data_quality_rules says what that means). A row needs a label set, a date, a customer who has '
                ~ 'ordered before it, and a label.'
            ) %}
        {% endif %}
        {% set most_labels = 62 %}
        {% set unfit = run_query(
            'select label_set, count(distinct label) as labels, max(label) from ' ~ this ~ ' where rejection_reason is null '
            ~ 'group by 1 having labels not between 2 and ' ~ most_labels ~ ' order by 1 limit 1'
        ).rows %}
        {% if unfit %}
            {% set column = columns_of_relation('labels').label %}
            {% do exceptions.raise_compiler_error(
                'labels, columns, label, ' ~ (column.sql if column is mapping else column) ~ ': the label set '
                ~ unfit[0][0] ~ ' has ' ~ unfit[0][1] ~ (' label' if unfit[0][1] == 1 else ' different labels')
                ~ ', such as "' ~ unfit[0][2] ~ '"; from 2 to ' ~ most_labels ~ ' would do. Name the column that holds '
                ~ 'the segment of a customer.'
            ) %}
        {% endif %}
    {% endif %}
{% endmacro %}


{#
    The registry has models of one kind: what this project fits is scored by centroids, and labels are looked up.
#}
{% macro stop_on_models_of_another_kind() %}
    {% set models = table_named(layer_schema('training'), 'training_models') %}
    {% if 'candidate_id' in column_names_of(models) %}
        {% set number = run_query(
            'select count(*) from ' ~ models ~ ' where ' ~ ('not ' if has_labels() else '')
            ~ '(candidate_id = ' ~ sql_string(label_candidate()) ~ ')'
        ).rows[0][0] %}
        {% if number %}
            {% do exceptions.raise_compiler_error(
                ('labels is set, but the registry of the warehouse has models that this project has fitted'
                 if has_labels() else 'labels is null, but the models in the registry of the warehouse are label sets')
                ~ '. Build into another warehouse, or drop the registry (make drop-registry): segments are numbered anew.'
            ) %}
        {% endif %}
    {% endif %}
{% endmacro %}


{#
    In place of scores: the label that the label set which each row names gives to the customer, as `assign_clusters` has
    it. At a cut-off the labels of a set are those of its newest date up to then. Who has none is left out. Nothing is
    scaled, and nothing is known of distances.
#}
{% macro look_labels_up(customers) %}
    with

    label_dates as (

        select
            label_set,
            labelled_at,
            lead(labelled_at, 1, {{ end_of_time() }}) over (partition by label_set order by labelled_at) as labelled_to
        from {{ ref('training_label_dates') }}

    ),

    dated as (

        select
            customers.*,
            label_dates.labelled_at
        from {{ customers }} as customers
        inner join label_dates
            on
                customers.model_id = label_dates.label_set
                and customers.cutoff >= label_dates.labelled_at
                and customers.cutoff < label_dates.labelled_to

    )

    select
        {{ star_except(['labelled_at'], 'dated') }},
        cast(null as double) as squared_distance,
        label_rows.cluster,
        cast(null as double) as runner_up_squared_distance,
        cast(null as integer) as runner_up_cluster,
        cast(0 as bigint) as holding_clusters
    from dated
    inner join {{ ref('training_label_rows') }} as label_rows
        on
            dated.model_id = label_rows.label_set
            and dated.labelled_at = label_rows.labelled_at
            and dated.customer_number = label_rows.customer_number
    where label_rows.rejection_reason is null
{% endmacro %}
