{{ config(materialized='incremental' if has_labels() else 'view', full_refresh=false) }}

{% if not has_labels() -%}
    select
        cast(null as string) as origin_model_id,
        cast(null as string) as model_id,
        cast(null as boolean) as is_repeat,
        cast(null as integer) as origin_cluster,
        cast(null as integer) as cluster,
        cast(null as bigint) as customers,
        cast(null as decimal(18, 2)) as revenue
    where false
{%- else -%}
    with

    customer_versions as {{ not_materialized() }} (

        select * from {{ ref('int_customer_versions') }}

    ),

    known_labels as (

        select * from {{ ref('training_labels') }}

    ),

    label_rows as (

        select * from {{ ref('training_label_rows') }}
        where rejection_reason is null

    ),

    label_sets as (

        select distinct
            label_set,
            begins_at,
            is_repeat,
            model_id
        from known_labels

    ),

    label_dates as (

        select * from {{ ref('training_label_dates') }}

    ),

    pairs as (

        -- Of models each with each older one that labels at its first date; of repeats with the
        -- model that they repeat.
        select
            origins.label_set as origin_model_id,
            label_sets.label_set as model_id,
            label_sets.begins_at,
            label_sets.is_repeat
        from label_sets
        inner join label_sets as origins
            on
                not origins.is_repeat
                and label_sets.begins_at >= origins.begins_at
                and (not label_sets.is_repeat or label_sets.model_id = origins.label_set)
        inner join label_dates
            on
                origins.label_set = label_dates.label_set
                and label_sets.begins_at = label_dates.labelled_at
        {%- if is_incremental() %}
            where label_sets.label_set not in (select known.model_id from {{ this }} as known)
        {%- endif %}

    ),

    dates as (

        select distinct begins_at as cutoff
        from pairs

    ),

    customer_features as ({{ features_at('dates', 'customer_versions') }}),

    shared as (

        select
            pairs.origin_model_id,
            pairs.model_id,
            origin_labels.cluster as origin_cluster,
            labels.cluster,
            count(*) as customers,
            sum(customer_features.monetary_value) as revenue
        from pairs
        inner join label_rows as labels
            on pairs.model_id = labels.label_set and pairs.begins_at = labels.labelled_at
        inner join label_rows as origin_labels
            on
                pairs.origin_model_id = origin_labels.label_set
                and labels.labelled_at = origin_labels.labelled_at
                and labels.customer_number = origin_labels.customer_number
        inner join customer_features
            on
                labels.labelled_at = customer_features.cutoff
                and labels.customer_number = customer_features.customer_number
        group by 1, 2, 3, 4

    ),

    compared as (

        select distinct
            origin_model_id,
            model_id
        from shared

    )

    -- All pairs of labels, so that who compares them knows of each.
    select
        pairs.origin_model_id,
        pairs.model_id,
        pairs.is_repeat,
        origin_labels.cluster as origin_cluster,
        labels.cluster,
        cast(coalesce(shared.customers, 0) as bigint) as customers,
        cast(coalesce(shared.revenue, 0) as decimal(18, 2)) as revenue
    from pairs
    inner join compared
        on
            pairs.origin_model_id = compared.origin_model_id
            and pairs.model_id = compared.model_id
    inner join known_labels as origin_labels on pairs.origin_model_id = origin_labels.label_set
    inner join known_labels as labels on pairs.model_id = labels.label_set
    left join shared
        on
            pairs.origin_model_id = shared.origin_model_id
            and pairs.model_id = shared.model_id
            and origin_labels.cluster = shared.origin_cluster
            and labels.cluster = shared.cluster
    order by 1, 2, 4, 5
{%- endif %}
