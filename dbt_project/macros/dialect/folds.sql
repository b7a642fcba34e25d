{#
    The clusters that customers are given at steps where the nearest one is not clear, each depending on the
    cluster before: customer_number, champion_period, step and cluster. `unclear` has these scored steps, `held` the cluster
    held before the step that it names. DuckDB follows them as the recursive CTE `given`. Spark would compute
    `unclear` anew at each turn of it, and folds a list of the steps.
#}
{% macro clusters_given(unclear, held) %} {{ adapter.dispatch('clusters_given')(unclear, held) }} {% endmacro %}


{% macro default__clusters_given(unclear, held) %}
    select
        {{ unclear }}.customer_number,
        {{ unclear }}.step,
        {{ unclear }}.champion_period,
        {{ held_or_nearest(unclear, 'coalesce(' ~ unclear ~ '.clear_cluster_before, ' ~ held ~ '.cluster)') }}
            as cluster
    from {{ unclear }}
    left join {{ held }}
        on
            {{ unclear }}.customer_number = {{ held }}.customer_number
            and {{ unclear }}.step = {{ held }}.step
    where {{ unclear }}.previous_step is null or {{ unclear }}.clear_cluster_before is not null
    union all
    select
        {{ unclear }}.customer_number,
        {{ unclear }}.step,
        {{ unclear }}.champion_period,
        {{ held_or_nearest(unclear, 'given.cluster') }} as cluster
    from given
    inner join {{ unclear }}
        on
            given.customer_number = {{ unclear }}.customer_number
            and given.champion_period = {{ unclear }}.champion_period
            and given.step = {{ unclear }}.previous_step
    where {{ unclear }}.clear_cluster_before is null
{% endmacro %}


{% macro spark__clusters_given(unclear, held) %}
    {%- set before -%}
        case
            when next.previous_step is null or next.cluster_before is not null then next.cluster_before
            else element_at(so_far, -1)
        end
    {%- endset %}
    select
        customer_number,
        told.step,
        champion_period,
        told.cluster
    from (
        select
            customer_number,
            champion_period,
            explode(
                transform(turns, (turn, i) -> struct(turn.step as step, get(clusters, i + 1) as cluster))
            ) as told
        from (
            select
                *,
                aggregate(
                    turns,
                    array(cast(null as integer)),
                    (so_far, next) -> concat(so_far, array({{ held_or_nearest('next', before) }}))
                ) as clusters
            from (
                select
                    {{ unclear }}.customer_number,
                    {{ unclear }}.champion_period,
                    array_sort(
                        collect_list(
                            struct(
                                {{ unclear }}.step,
                                {{ unclear }}.cluster,
                                {{ unclear }}.holding_clusters,
                                {{ unclear }}.previous_step,
                                coalesce({{ unclear }}.clear_cluster_before, {{ held }}.cluster) as cluster_before
                            )
                        )
                    ) as turns
                from {{ unclear }}
                left join {{ held }}
                    on
                        {{ unclear }}.customer_number = {{ held }}.customer_number
                        and {{ unclear }}.step = {{ held }}.step
                group by 1, 2
            ) as listed
        ) as folded
    ) as exploded
{% endmacro %}
