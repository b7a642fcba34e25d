{%- set threshold = var('agreement_breach_below') -%}

with

stability as (

    select * from {{ ref('segment_stability') }}

),

summarised as (

    select
        origin_model_id as model_id,
        min(review_date) as fitted_as_of,
        max(review_date) as review_date,
        arg_max(adjusted_rand_index, review_date) as measured_value,
        min(review_date) filter (where adjusted_rand_index < {{ threshold }})
            as breached_since,
        min(weeks) filter (where adjusted_rand_index < {{ threshold }})
            as weeks_until_breach
    from stability
    where is_origin_champion
    group by 1

),

judged as (

    -- A broken contract stays broken until the model is refitted.
    select
        *,
        case
            when breached_since is not null then 'breach'
            when measured_value < {{ var('agreement_warn_below') }} then 'warn'
            else 'ok'
        end as status
    from summarised

)

select
    'agreement' as clause,
    model_id,
    review_date,
    measured_value,
    cast({{ threshold }} as double) as threshold,
    status,
    breached_since,
    'The model of ' || strftime(fitted_as_of, '%Y-%m-%d')
    || case
        when review_date = fitted_as_of
            then
                ' was fitted at the newest review date: there is no later refit to compare'
                || ' it with. '
        else
            ' and a refit of ' || strftime(review_date, '%Y-%m-%d')
            || ' agree on the same customers at ' || format('{:.2f}', measured_value)
            || ' (adjusted Rand index); the contract asks for {{ "%.2f" % threshold }}. '
    end
    || case status
        when 'breach'
            then
                'It fell below that on ' || strftime(breached_since, '%Y-%m-%d') || ', after '
                || format('{:g}', weeks_until_breach)
                || case when weeks_until_breach = 1 then ' week' else ' weeks' end
                || ': a refit is due.'
        when 'warn' then 'It is close to the threshold: plan a refit.'
        else 'No refit is due.'
    end as sentence
from judged
