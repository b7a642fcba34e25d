{{ config(enabled=var('source') == 'relations', materialized='table') }}

with

incoming as (

    select * from {{ ref('stg_relations__orders') }}

),

orders as (

    select * from {{ ref('stg_transactions__aggregated_to_orders') }}

),

returned as (

    select * from {{ ref('stg_transactions__aggregated_to_returns') }}

)

{% if relations_beside_orders() %}
    ,

    matched as (

        select * from {{ ref('stg_relations__rows_matched_to_orders') }}

    )
{% endif %}

select
    'orders' as raw_table,
    cast((select count(*) from incoming) as bigint) as rows_in,
    cast(
        (select coalesce(sum(transactions), 0) from orders)
        + (select coalesce(sum(transactions), 0) from returned) as bigint
    ) as rows_accepted
{% for relation in relations_beside_orders() %}
    union all
    select
        '{{ relation }}' as raw_table,
        cast(count(*) as bigint) as rows_in,
        cast(count(case when rejection_reason is null then 1 end) as bigint) as rows_accepted
    from matched
    where relation = '{{ relation }}'
{% endfor %}
