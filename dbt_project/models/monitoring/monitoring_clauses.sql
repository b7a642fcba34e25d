with

comparisons as (

    select * from {{ ref('monitoring_readings') }}

),

matches as (

    select * from {{ ref('monitoring_cluster_matches') }}

),

refits as (

    select * from {{ ref('monitoring_noise') }}

),

model_pairs as (

    select * from {{ ref('monitoring_model_pairs') }}

),

evaluation_dates as (

    select * from {{ ref('monitoring_evaluation_dates') }}

),

clauses as (

    {% for clause in maintenance_clauses() -%}
        select
            {{ sql_string(clause.clause) }} as clause,
            {{ sql_string(clause.severity) }} as severity,
            cast({{ clause.breach }} as double) as threshold,
            cast({{ clause.warn }} as double) as warn_threshold,
            {{ clause.evaluations }} as evaluations,
            {{ clause.is_floor }} as is_floor
        {{ 'union all' if not loop.last }}
    {% endfor %}

),

noise_of_models as (

    -- The noisiest kind of refits counts. Null when they failed.
    select
        model_id,
        least(seed_agreement, resampling_agreement) as noise_agreement,
        least(seed_agreement_p05, resampling_agreement_p05, half_agreement_low) as noise_floor
    from refits

),

unnested as (

    select
        model_id,
        {{ elements_of('clusters') }} as noise
    from refits

),

noise_of_clusters as (

    select
        model_id,
        noise.cluster,
        noise.noise_agreement,
        least(noise.noise_floor, noise.half_agreement_low) as noise_floor
    from unnested

),

measured as (

    -- The noise of the refit sets the floor: that of the origin would protect it from its refits.
    select
        comparisons.origin_model_id,
        comparisons.model_id,
        comparisons.is_recentred,
        'agreement' as clause,
        cast(null as integer) as origin_cluster,
        comparisons.adjusted_rand_index as measured_value,
        refitted.noise_agreement,
        refitted.noise_floor
    from comparisons
    left join noise_of_models as refitted on comparisons.model_id = refitted.model_id

    union all

    select
        matches.origin_model_id,
        matches.model_id,
        matches.is_recentred,
        'segment' as clause,
        matches.origin_cluster,
        matches.jaccard as measured_value,
        refitted.noise_agreement,
        refitted.noise_floor
    from matches
    left join noise_of_clusters as refitted
        on matches.model_id = refitted.model_id and matches.cluster = refitted.cluster

    {% if 'monetary_value' not in adapter_macro('missing_features')() -%}
        union all

        select
            origin_model_id,
            model_id,
            is_recentred,
            'misplaced_revenue' as clause,
            cast(null as integer) as origin_cluster,
            coalesce(cast(misplaced_revenue as double) / nullif(revenue, 0), 0) as measured_value,
            cast(null as double) as noise_agreement,
            cast(null as double) as noise_floor
        from comparisons
    {%- endif %}

),

judged as (

    select
        measured.*,
        model_pairs.evaluation_date,
        model_pairs.weeks,
        clauses.severity,
        clauses.threshold,
        clauses.warn_threshold,
        clauses.evaluations,
        -- What two fits of the same customers do not keep, no later refit can be asked to keep.
        measured.clause = 'misplaced_revenue'
        or coalesce(measured.noise_agreement >= clauses.threshold, false) as is_assessable,
        coalesce(evaluation_dates.is_live, true) as is_live,
        case
            when evaluation_dates.is_live = false then false
            when clauses.is_floor
                then
                    measured.measured_value < clauses.threshold
                    and measured.noise_agreement >= clauses.threshold
                    and measured.measured_value < measured.noise_floor
            else measured.measured_value > clauses.threshold
        end as is_beyond,
        case
            when evaluation_dates.is_live = false then false
            when clauses.is_floor then measured.measured_value < clauses.warn_threshold
            else measured.measured_value > clauses.warn_threshold
        end as is_close
    from measured
    inner join clauses on measured.clause = clauses.clause
    inner join model_pairs
        on
            measured.origin_model_id = model_pairs.origin_model_id
            and measured.model_id = model_pairs.model_id
    left join evaluation_dates on model_pairs.evaluation_date = evaluation_dates.evaluation_date

),

numbered as (

    select
        *,
        row_number() over (
            partition by origin_model_id, is_recentred, clause, origin_cluster
            order by evaluation_date
        ) as evaluation
    from judged

),

counted as (

    select
        *,
        evaluation - coalesce(
            max(case when is_beyond is not true then evaluation end) over (
                partition by origin_model_id, is_recentred, clause, origin_cluster
                order by evaluation_date
            ),
            0
        ) as evaluations_in_a_row
    from numbered

),

remembered as (

    -- A broken clause stays broken. Where noise alone goes below the limit now and then, it takes
    -- one evaluation more: in a year there are many.
    select
        *,
        min(
            case
                when
                    evaluations_in_a_row
                    >= evaluations + case when noise_floor < threshold then 1 else 0 end
                    then evaluation_date
            end
        ) over (
            partition by origin_model_id, is_recentred, clause, origin_cluster
            order by evaluation_date
        ) as broken_since
    from counted

),

told as (

    select
        *,
        max(case when evaluation_date = broken_since then measured_value end) over (
            partition by origin_model_id, is_recentred, clause, origin_cluster
        ) as value_when_broken
    from remembered

)

select
    origin_model_id,
    model_id,
    is_recentred,
    evaluation_date,
    weeks,
    clause,
    origin_cluster,
    severity,
    measured_value,
    threshold,
    noise_agreement,
    noise_floor,
    is_live,
    is_assessable,
    is_beyond,
    is_close,
    broken_since is not null as is_broken,
    broken_since,
    case when broken_since is not null then value_when_broken end as value_when_broken,
    broken_since is not null and severity = 'error' as is_contract_broken
from told
order by origin_model_id, evaluation_date, is_recentred, clause, origin_cluster
