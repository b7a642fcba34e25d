{{ config(enabled=var('source') in ['transactions', 'relations']) }}

with

raw_tables as (

    select
        *,
        case
            when raw_table = '{{ name_of_transactions() }}' then '' else ' of ' || raw_table
        end as of_table
    from {{ ref('stg_raw_tables') }}

),

transactions as (

    select * from {{ ref('stg_transactions__transactions') }}
    where rejection_reason is null

),

orders as (

    select * from {{ ref('stg_orders') }}

),

customers as (

    select
        customer_id,
        {{ id_in_lower_case('customer_id') }} as id_in_lower_case,
        count(*) as orders
    from orders
    group by 1

),

of_customers as (

    select
        max(orders) as most_orders,
        sum(orders) as orders,
        count(*) - count(distinct id_in_lower_case) as ids_alike
    from customers

),

of_amounts as (

    select
        count(*) as amounts,
        count(case when amount != round(amount, 0) then 1 end) as broken_amounts,
        median(cast(amount as double)) as median_amount
    from transactions

),

found as (

    select
        'rejected rows' || of_table as warning,
        printf(
            '%d of %d rows%s (%.1f %%) are rejected; data_quality_ledger says why.',
            rows_in - rows_accepted,
            rows_in,
            of_table,
            100 * (rows_in - rows_accepted) / cast(rows_in as double)
        ) as sentence
    from raw_tables
    where rows_in - rows_accepted > 0.02 * rows_in
    union all
    select
        'one customer' as warning,
        printf(
            'One customer has %d of %d orders (%.1f %%); if the id stands for guests, name it in '
            || 'no_customer_values.',
            cast(most_orders as bigint),
            cast(orders as bigint),
            100 * most_orders / cast(orders as double)
        ) as sentence
    from of_customers
    -- In a small shop a loyal customer may have a hundredth of the orders.
    where most_orders > 0.01 * orders and most_orders >= 30
    union all
    select
        'ids alike' as warning,
        printf(
            '%d customer ids differ from another one by case or blanks alone; '
            || 'normalize_customer_id: lower_trim makes one of them.',
            cast(ids_alike as bigint)
        ) as sentence
    from of_customers
    where ids_alike > 0
    union all
    select
        'cents' as warning,
        'All amounts are whole numbers, half of them above a thousand: if they are cents, set '
        || 'amount_divisor to 100; if the currency has none, amount_decimals to 0.' as sentence
    from of_amounts
    where
        amounts >= 100
        and broken_amounts = 0
        and median_amount >= 1000
        and {{ var('amount_divisor') }} = 1
        and {{ var('amount_decimals') }} > 0

)

select * from found
