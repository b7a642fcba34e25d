with

changes as (

    select * from {{ ref('champion_changes') }}

),

by_review_date as (

    -- Where two steps of one review date move a customer, the last one counts.
    select * from changes
    qualify row_number() over (partition by customer_id, review_date order by step desc) = 1

),

moved as (

    select
        customer_id,
        review_date,
        reign,
        segment_id,
        movement,
        lag(segment_id) over (partition by customer_id order by review_date) as previous_segment_id
    from by_review_date

),

spells as (

    select
        customer_id,
        segment_id,
        previous_segment_id,
        case when previous_segment_id is null then 'entry' else movement end as movement,
        reign,
        review_date as valid_from,
        lead(review_date) over (partition by customer_id order by review_date) as valid_to
    from moved
    where segment_id is distinct from previous_segment_id

)

select * from spells
where segment_id is not null
