with recursive

scored_steps as (

    select * from {{ ref('champion_scored_steps') }}

),

last_known as (

    select * from {{ ref('champion_last_known_segments') }}

),

identities as (

    select * from {{ ref('champion_identities') }}

),

first_step as (

    select * from {{ ref('champion_steps') }}
    where step > (select coalesce(max(last_known.step), 0) from last_known)
    order by step
    limit 1

),

held as (

    -- A new champion is not bound by what the last one gave.
    select
        last_known.customer_number,
        first_step.step,
        identities.cluster
    from last_known
    inner join first_step on not first_step.is_takeover
    inner join identities
        on
            first_step.champion_period = identities.champion_period
            and last_known.segment_id = identities.segment_id

),

unclear as {{ materialized() }} (

    select * from scored_steps
    where not is_clear

),

given as ({{ clusters_given('unclear', 'held') }}),

clear as (

    select
        customer_number,
        step,
        champion_period,
        cluster
    from scored_steps
    where is_clear

)

select * from clear
union all
select * from given
