{%- set threshold = agreement_threshold() %}

with

refits as (

    select * from {{ ref('monitoring_noise') }}

),

models as (

    select * from {{ ref('training_models') }}

),

measured as (

    select
        models.fitted_as_of,
        models.customers,
        {{ star_except(['clusters'], 'refits') }},  -- noqa: RF02
        least(refits.seed_agreement, refits.resampling_agreement) as noise_agreement,
        least(
            refits.seed_agreement_p05, refits.resampling_agreement_p05, refits.half_agreement_low
        ) as noise_floor
    from refits
    inner join models on refits.model_id = models.model_id

)

select
    model_id,
    fitted_as_of,
    customers,
    bins,
    seeds,
    resamples,
    failed_refits,
    seed_agreement,
    seed_agreement_p05,
    resampling_agreement,
    resampling_agreement_p05,
    splits,
    half_agreement,
    half_agreement_low,
    noise_agreement,
    noise_floor,
    coalesce(noise_agreement >= {{ threshold }}, false) as is_assessable,
    case
        when noise_agreement is null
            then
                {% if has_labels() -%}
                    'Noise is unknown: no other label set begins on this date.'
                {%- else -%}
                    'Noise is unknown: ' || failed_refits || ' of ' || (seeds + resamples)
                    || ' refits of the same customers failed, because they are too few.'
                {%- endif %}
        else
            {% if has_labels() -%}
                printf(
                    'Noise: label sets that begin on this date agree at %.2f on the customers whom '
                    || 'both label. ',
                    seed_agreement
                )
            {%- else -%}
                printf(
                    'Noise: two fits of the same %,d customers agree at %.2f when they differ in '
                    || 'their seed, at %.2f when they see different resamples, and at %.2f when '
                    || 'they see different halves. ',
                    customers,
                    seed_agreement,
                    resampling_agreement,
                    half_agreement
                )
            {%- endif %}
            || case
                when noise_agreement >= {{ threshold }}
                    then printf('Agreement below %.2f is more than noise.', noise_floor)
                else 'That is too unstable for a contract.'
            end
    end as sentence
from measured
order by fitted_as_of, model_id
