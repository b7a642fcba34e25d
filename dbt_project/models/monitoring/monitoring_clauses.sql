with

comparisons as (

    select * from {{ ref('monitoring_agreement') }}

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

    -- Two kinds of refits; the noisier one counts. Null when they failed.
    select
        model_id,
        least(seed_agreement, resampling_agreement) as noise_agreement,
        least(seed_agreement_p05, resampling_agreement_p05) as noise_floor
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
        noise.noise_floor
    from unnested

),

measured as (

    -- Either model of a pair is a fit: the noisier of the two sets the floor.
    select
        comparisons.origin_model_id,
        comparisons.model_id,
        'agreement' as clause,
        cast(null as integer) as origin_cluster,
        comparisons.adjusted_rand_index as measured_value,
        {{ lower_of('origins.noise_agreement', 'refitted.noise_agreement') }} as noise_agreement,
        {{ lower_of('origins.noise_floor', 'refitted.noise_floor') }} as noise_floor
    from comparisons
    left join noise_of_models as origins on comparisons.origin_model_id = origins.model_id
    left join noise_of_models as refitted on comparisons.model_id = refitted.model_id

    union all

    select
        matches.origin_model_id,
        matches.model_id,
        'segment' as clause,
        matches.origin_cluster,
        matches.jaccard as measured_value,
        {{ lower_of('origins.noise_agreement', 'refitted.noise_agreement') }} as noise_agreement,
        {{ lower_of('origins.noise_floor', 'refitted.noise_floor') }} as noise_floor
    from matches
    left join noise_of_clusters as origins
        on
            matches.origin_model_id = origins.model_id
            and matches.origin_cluster = origins.cluster
    left join noise_of_clusters as refitted
        on matches.model_id = refitted.model_id and matches.cluster = refitted.cluster

    union all

    select
        origin_model_id,
        model_id,
        'misplaced_revenue' as clause,
        cast(null as integer) as origin_cluster,
        coalesce(cast(misplaced_revenue as double) / nullif(revenue, 0), 0) as measured_value,
        cast(null as double) as noise_agreement,
        cast(null as double) as noise_floor
    from comparisons

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
        case
            when clauses.is_floor
                then
                    measured.measured_value < clauses.threshold
                    and measured.noise_agreement >= clauses.threshold
                    and measured.measured_value < measured.noise_floor
            else measured.measured_value > clauses.threshold
        end as is_beyond,
        case
            when clauses.is_floor then measured.measured_value < clauses.warn_threshold
            else measured.measured_value > clauses.warn_threshold
        end as is_close
    from measured
    inner join clauses on measured.clause = clauses.clause
    inner join model_pairs
        on
            measured.origin_model_id = model_pairs.origin_model_id
            and measured.model_id = model_pairs.model_id

),

numbered as (

    select
        *,
        row_number() over (
            partition by origin_model_id, clause, origin_cluster order by evaluation_date
        ) as evaluation
    from judged

),

counted as (

    select
        *,
        evaluation - coalesce(
            max(case when is_beyond is not true then evaluation end) over (
                partition by origin_model_id, clause, origin_cluster order by evaluation_date
            ),
            0
        ) as evaluations_in_a_row
    from numbered

),

remembered as (

    -- A broken clause stays broken.
    select
        *,
        min(case when evaluations_in_a_row >= evaluations then evaluation_date end) over (
            partition by origin_model_id, clause, origin_cluster order by evaluation_date
        ) as broken_since
    from counted

)

select
    origin_model_id,
    model_id,
    evaluation_date,
    weeks,
    clause,
    origin_cluster,
    severity,
    measured_value,
    threshold,
    noise_agreement,
    noise_floor,
    is_assessable,
    is_beyond,
    is_close,
    broken_since is not null as is_broken,
    broken_since,
    broken_since is not null and severity = 'error' as is_contract_broken
from remembered
order by origin_model_id, evaluation_date, clause, origin_cluster
