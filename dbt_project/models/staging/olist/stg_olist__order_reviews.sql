{{ config(enabled=var('source') == 'olist') }}

{#- A review without an answer time counts as written this many days after its survey was sent. -#}
{%- set answer_lag_days = 3 %}

with

source as {{ not_materialized() }} (

    select * from {{ source('olist', 'order_reviews') }}

),

numbered as ({{ number_rows_of_keys(
    'source',
    'olist_order_reviews_dataset',
    [
        'coalesce(review_answer_timestamp, review_creation_date) is null',
        'review_answer_timestamp nulls last',
        'review_creation_date nulls last',
        'review_score nulls last',
    ]
) }}),

renamed as (

    select
        review_id,
        order_id,
        -- A score that cannot be placed in time cannot be used as of any cut-off.
        case
            when
                review_score between 1 and 5
                and coalesce(review_answer_timestamp, review_creation_date) is not null
                then review_score
        end as review_score,
        review_comment_title as title,
        review_comment_message as message,
        review_creation_date as survey_sent_at,
        -- A survey's date is known before its answer: the lag keeps an undated answer from being
        -- known too early.
        coalesce(
            review_answer_timestamp,
            review_creation_date + interval '{{ answer_lag_days }}' day
        ) as written_at,

        review_answer_timestamp is null and review_creation_date is not null
            as is_answer_time_missing,
        coalesce(review_answer_timestamp, review_creation_date) is null as is_undated,
        review_score is null as is_score_missing,
        coalesce(review_score not between 1 and 5, false) as is_score_out_of_range,
        case
            when review_id is null or order_id is null then 'no_key'
            when row_of_key > 1 then 'duplicate_key'
        end as rejection_reason
    from numbered

)

select * from renamed
