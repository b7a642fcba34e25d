with

models as (

    select * from {{ ref('fit_models') }}

),

champions as (

    select distinct model_id from {{ ref('score_champion_clusters') }}

),

described as (

    select
        models.model_id,
        models.algorithm,
        models.feature_set,
        models.n_segments,
        models.random_state as seed,
        models.n_init,
        models.fitted_as_of,
        models.customers,
        models.inertia,
        models.silhouette,
        models.silhouette_standard_error,
        models.smallest_share,
        case
            when champions.model_id is not null then 'champion'
            when models.fitted_as_of = max(models.fitted_as_of) over () then 'challenger'
            else 'reviewed'
        end as status,
        case when champions.model_id is not null then models.fitted_as_of end as champion_from,
        cast(null as timestamp) as champion_to,
        models.data_fingerprint,
        models.library_versions
    from models
    left join champions on models.model_id = champions.model_id

)

select * from described
order by fitted_as_of
