with

segments as (

    select * from {{ ref('champion_segments') }}

),

decisions as (

    select * from {{ ref('champion_decisions') }}

),

matches as (

    select * from {{ ref('monitoring_cluster_matches') }}

),

of_champions as (

    select
        model_id,
        cluster,
        max_by(segment_id, champion_period) as segment_id
    from segments
    group by 1, 2

),

of_challengers as (

    -- The champion that a challenger met at its own evaluation date.
    select
        decisions.challenger_model_id as model_id,
        matches.cluster,
        min_by(of_champions.segment_id, decisions.decision_number) as segment_id
    from decisions
    inner join matches
        on
            decisions.previous_model_id = matches.origin_model_id
            and decisions.challenger_model_id = matches.model_id
            and coalesce(
                decisions.previous_scaling_model_id = decisions.challenger_model_id, false
            ) = matches.is_recentred
    inner join of_champions
        on
            matches.origin_model_id = of_champions.model_id
            and matches.origin_cluster = of_champions.cluster
    anti join of_champions as own
        on decisions.challenger_model_id = own.model_id
    group by 1, 2

)

select * from of_champions
union all
select * from of_challengers
