{{ config(enabled=var('source') == 'transactions', materialized='table') }}

with

transactions as (

    select * from {{ source('transactions', 'transactions') }}

),

orders as (

    select * from {{ ref('stg_transactions__aggregated_to_orders') }}

),

returned as (

    select * from {{ ref('stg_transactions__aggregated_to_returns') }}

),

unreadable_lines as (

    select * from {{ ref('stg_raw_files__unreadable_lines') }}

),

rows_of_erased_customers as (

    select * from {{ ref('stg_raw_files__rows_of_erased_customers') }}

)

select
    'transactions' as raw_table,
    cast(
        (select count(*) from transactions)
        + (select count(*) from unreadable_lines)
        + (select coalesce(sum(erased_rows), 0) from rows_of_erased_customers) as bigint
    ) as rows_in,
    cast(
        (select coalesce(sum(transactions), 0) from orders)
        + (select coalesce(sum(transactions), 0) from returned) as bigint
    ) as rows_accepted
