{#
    A cluster of a new champion goes on with the segment that it is matched with when they share this much of the
    customers of either (Jaccard index); else the segment is new.
#}
{% macro least_shared() %} {{ return(0.5) }} {% endmacro %}


{# The policy by which a challenger takes over, in words. #}
{% macro refit_policy() %}
    {% set policy = var('refit_policy') %}
    {{ return(policy ~ (' ' ~ var('refit_every_weeks') ~ ' weeks' if policy == 'every' else '')) }}
{% endmacro %}


{# Whether the champion scores in the scaling of each evaluation date. #}
{% macro is_recentring() %} {{ return(var('refit_policy') == 'recentre') }} {% endmacro %}


{# Whether a row tells of models as the policy keeps them: re-centred, or in their own scaling. #}
{% macro is_reading_in_use(readings) -%}
    {{ readings }}.is_recentred is {{ 'true' if is_recentring() else 'not true' }}
{%- endmacro %}


{#
    Why a policy refits at an evaluation date, null when it does not; `every_weeks` is null unless it refits on a
    schedule. `is_replaceable` tells that the model in use cannot be assessed and the challenger can: a contract on
    nothing but noise would never be broken.
#}
{% macro refit_reason(policy, every_weeks, evaluation_date, in_use_since, is_contract_broken, is_replaceable) -%}
    case
        when {{ policy }} in ('on_breach', 'recentre') and {{ is_contract_broken }} then 'breach'
        when {{ policy }} in ('on_breach', 'recentre') and {{ is_replaceable }} then 'not assessable'
        {% if var('max_champion_weeks') -%}
            when
                {{ policy }} in ('on_breach', 'recentre')
                and {{ evaluation_date }} >= {{ in_use_since }} + {{ var('max_champion_weeks') }} * interval '7' day
                then 'too old'
        {%- endif %}
        when {{ evaluation_date }} >= {{ in_use_since }} + {{ every_weeks }} * interval '7' day then 'scheduled'
    end
{%- endmacro %}


{#
    The cluster that a scored customer is given who held the cluster `held` before, null for none: the
    nearest one, unless the held one is farther by less than the margin.
#}
{% macro held_or_nearest(scored, held) -%}
    case
        when {{ bit_is_set(scored ~ '.holding_clusters', held) }} then {{ held }}
        else {{ scored }}.cluster
    end
{%- endmacro %}


{# Weeks after which no more than a share of the models of a survival curve last; null while more do. #}
{% macro weeks_until(survival) -%} min(weeks) filter (where survival <= {{ survival }} + 1e-9) {%- endmacro %}


{# Customers of a movement, summed over its from- and to-segments. #}
{% macro customers_who(movement, condition='true') -%}
    cast(
        coalesce(
            sum(transitions.customers)
                filter (where transitions.movement = '{{ movement }}' and {{ condition }}),
            0
        ) as bigint
    )
{%- endmacro %}


{# The candidate of the newest model: the challenger, or the champion while there is none. #}
{% macro newest_candidate(models) %}
    select candidate_id
    from {{ models }}
    where status in ('challenger', 'champion')
    order by status = 'challenger' desc
    limit 1
{% endmacro %}
