{{ config(materialized='table' if has_labels() else 'view') }}

{#- A ref to training_models would close a circle: this is what it held before this run. -#}
{%- set models = this.incorporate(path={'identifier': 'training_models'}) %}
{%- set has_models = execute and load_relation(models) is not none %}
{%- set candidate = chosen_model() %}

{% if not has_labels() -%}
    select cast(null as string) as model_id
    where false
{%- else -%}
    with

    customer_versions as {{ not_materialized() }} (

        select * from {{ ref('int_customer_versions') }}

    ),

    label_sets as (

        select distinct
            model_id,
            begins_at
        from {{ ref('training_labels') }}
        where not is_repeat
        {%- if has_models %}
            and model_id not in (select known.model_id from {{ models }} as known)
        {%- endif %}

    ),

    label_counts as (

        select
            model_id,
            count(*) as labels
        from {{ ref('training_labels') }}
        where not is_repeat
        group by 1

    ),

    dates as (

        select distinct begins_at as cutoff
        from label_sets

    ),

    customer_features as ({{ features_at('dates', 'customer_versions') }}),

    to_label as (

        select
            customer_features.*,
            label_sets.model_id
        from customer_features
        inner join label_sets on customer_features.cutoff = label_sets.begins_at

    ),

    labelled as ({{ assign_clusters('to_label') }}),

    feature_values as (

        {% for feature in candidate.features %}
            select
                '{{ feature }}' as feature,
                {{ loop.index }} as place,
                '{{ candidate.transforms[feature] }}' as transform,
                model_id,
                cluster,
                cast({{ feature }} as double) as value
            from labelled
            {{ 'union all' if not loop.last }}
        {% endfor %}

    ),

    caps as (

        -- Those of a fit.
        select
            model_id,
            feature,
            coalesce({{ quantile('value', 0.001) }}, 0) as lower_cap,
            coalesce({{ quantile('value', 0.999) }}, 0) as upper_cap
        from feature_values
        group by 1, 2

    ),

    transformed as (

        select
            feature_values.*,
            caps.lower_cap,
            caps.upper_cap,
            {%- set capped -%}
                least(greatest(feature_values.value, caps.lower_cap), caps.upper_cap)
            {%- endset %}
            case
                when feature_values.transform = 'log1p' then ln(1 + {{ capped }})
                else {{ capped }}
            end as transformed
        from feature_values
        inner join caps
            on
                feature_values.model_id = caps.model_id
                and feature_values.feature = caps.feature

    ),

    means as (

        select
            model_id,
            feature,
            place,
            transform,
            lower_cap,
            upper_cap,
            coalesce({{ mean_of_decimals('transformed') }}, 0) as mean
        from transformed
        group by 1, 2, 3, 4, 5, 6

    ),

    spreads as (

        -- A missing value is imputed at the mean, and shrinks the spread.
        select
            transformed.model_id,
            transformed.feature,
            sqrt({{ mean_of_decimals(
                'coalesce(' ~ square_of('transformed.transformed - means.mean') ~ ', 0)'
            ) }}) as spread
        from transformed
        inner join means
            on
                transformed.model_id = means.model_id
                and transformed.feature = means.feature
        group by 1, 2

    ),

    parameters as (

        select
            means.*,
            case
                when means.transform = 'log1p' then exp(means.mean) - 1
                else means.mean
            end as imputation_value,
            case when spreads.spread > 1e-6 then spreads.spread else 1 end as scale
        from means
        inner join spreads
            on means.model_id = spreads.model_id and means.feature = spreads.feature

    ),

    centroids as (

        select
            transformed.model_id,
            transformed.cluster,
            transformed.feature,
            transformed.place,
            parameters.transform,
            {{ mean_of_decimals('coalesce(transformed.transformed, parameters.mean)') }} as mean,
            parameters.mean as mean_of_all,
            parameters.scale
        from transformed
        inner join parameters
            on
                transformed.model_id = parameters.model_id
                and transformed.feature = parameters.feature
        group by
            transformed.model_id,
            transformed.cluster,
            transformed.feature,
            transformed.place,
            parameters.transform,
            parameters.mean,
            parameters.scale

    ),

    lists_of_parameters as (

        select
            model_id,
            list(
                {{ struct_of({
                    'feature': 'feature',
                    'imputation_value': 'imputation_value',
                    'lower_cap': 'lower_cap',
                    'upper_cap': 'upper_cap',
                    'transform': 'transform',
                    'mean': 'mean',
                    'scale': 'scale',
                }) }}
                order by place
            ) as parameters
        from parameters
        group by 1

    ),

    lists_of_centroids as (

        select
            model_id,
            list(
                {{ struct_of({
                    'cluster': 'cluster',
                    'feature': 'feature',
                    'centroid_scaled': '(mean - mean_of_all) / scale',
                    'centroid': "case transform when 'log1p' then exp(mean) - 1 else mean end",
                }) }}
                order by cluster, place
            ) as centroids
        from centroids
        group by 1

    ),

    sizes as (

        select
            model_id,
            cluster,
            count(*) as customers
        from labelled
        group by 1, 2

    ),

    totals as (

        select
            model_id,
            sum(customers) as customers,
            min(customers) as smallest
        from sizes
        group by 1

    )

    select
        label_sets.model_id,
        {{ sql_string(candidate.candidate_id) }} as candidate_id,
        label_sets.begins_at as fitted_as_of,
        'labels' as algorithm,
        {{ sql_string(candidate.features | join(', ')) }} as feature_set,
        cast(label_counts.labels as integer) as n_segments,
        cast(null as integer) as n_init,
        cast(null as integer) as random_state,
        cast(totals.customers as bigint) as customers,
        cast(null as double) as inertia,
        cast(null as double) as silhouette,
        cast(null as double) as silhouette_standard_error,
        cast(totals.smallest as double) / totals.customers as smallest_share,
        {{ sha256_of('cast(lists_of_centroids.centroids as string)') }} as data_fingerprint,
        'none: somebody else has made it' as library_versions,
        lists_of_parameters.parameters,
        lists_of_centroids.centroids
    from label_sets
    inner join label_counts on label_sets.model_id = label_counts.model_id
    inner join totals on label_sets.model_id = totals.model_id
    inner join lists_of_parameters on label_sets.model_id = lists_of_parameters.model_id
    inner join lists_of_centroids on label_sets.model_id = lists_of_centroids.model_id
    order by label_sets.begins_at
{%- endif %}
