{#
    The clusters that customers are given step by step, each depending on the one before: customer_id, reign,
    step and cluster. `numbered` has the scored steps of a customer and reign with their `turn` from 1 on, `held`
    the cluster held before the first one. The query is a recursive CTE of the name `given`, where the engine
    keeps what it reads of `numbered`; Spark would compute that again at each turn and folds a list.
#}
{% macro clusters_given(numbered, held) %} {{ adapter.dispatch('clusters_given')(numbered, held) }} {% endmacro %}


{% macro default__clusters_given(numbered, held) %}
    select
        {{ numbered }}.customer_id,
        {{ numbered }}.step,
        {{ numbered }}.reign,
        {{ numbered }}.turn,
        {{ held_or_nearest(numbered, held ~ '.cluster') }} as cluster
    from {{ numbered }}
    left join {{ held }}
        on
            {{ numbered }}.customer_id = {{ held }}.customer_id
            and {{ numbered }}.reign = {{ held }}.reign
    where {{ numbered }}.turn = 1
    union all
    select
        {{ numbered }}.customer_id,
        {{ numbered }}.step,
        {{ numbered }}.reign,
        {{ numbered }}.turn,
        {{ held_or_nearest(numbered, 'given.cluster') }} as cluster
    from given
    inner join {{ numbered }}
        on
            given.customer_id = {{ numbered }}.customer_id
            and given.reign = {{ numbered }}.reign
            and given.turn + 1 = {{ numbered }}.turn
{% endmacro %}


{% macro spark__clusters_given(numbered, held) %}
    select
        customer_id,
        reign,
        told.step,
        told.cluster
    from (
        select
            customer_id,
            reign,
            explode(
                transform(turns, (turn, i) -> struct(turn.step as step, get(clusters, i + 1) as cluster))
            ) as told
        from (
            select
                *,
                aggregate(
                    turns,
                    array(held_cluster),
                    (so_far, next) -> concat(
                        so_far, array({{ held_or_nearest('next', 'element_at(so_far, -1)') }})
                    )
                ) as clusters
            from (
                select
                    {{ numbered }}.customer_id,
                    {{ numbered }}.reign,
                    cast(max({{ held }}.cluster) as integer) as held_cluster,
                    array_sort(
                        collect_list(
                            struct(
                                {{ numbered }}.turn,
                                {{ numbered }}.step,
                                {{ numbered }}.cluster,
                                {{ numbered }}.squared_distance,
                                {{ numbered }}.squared_distances
                            )
                        )
                    ) as turns
                from {{ numbered }}
                left join {{ held }}
                    on
                        {{ numbered }}.customer_id = {{ held }}.customer_id
                        and {{ numbered }}.reign = {{ held }}.reign
                group by 1, 2
            ) as listed
        ) as folded
    ) as exploded
{% endmacro %}
