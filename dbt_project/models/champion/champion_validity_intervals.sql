with

changes as (

    select * from {{ ref('champion_changes') }}

),

by_evaluation_date as (

    -- Where two steps of one evaluation date move a customer, the last one counts.
    select * from changes
    qualify row_number() over (partition by customer_id, evaluation_date order by step desc) = 1

),

moved as (

    select
        customer_id,
        evaluation_date,
        champion_period,
        segment_id,
        movement,
        lag(segment_id) over (
            partition by customer_id order by evaluation_date
        ) as previous_segment_id
    from by_evaluation_date

),

intervals as (

    select
        customer_id,
        segment_id,
        previous_segment_id,
        case when previous_segment_id is null then 'entry' else movement end as movement,
        champion_period,
        evaluation_date as valid_from,
        lead(evaluation_date) over (partition by customer_id order by evaluation_date) as valid_to
    from moved
    where segment_id is distinct from previous_segment_id

)

select * from intervals
where segment_id is not null
