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

    -- An id of which a whole pattern leaves nothing is of that form.
    select
        customer_id,
        {{ id_in_lower_case('customer_id') }} as id_in_lower_case,
        regexp_replace(customer_id, '^[0-9]+[.,]0$', '') = '' as is_number_with_point,
        regexp_replace(customer_id, '^[0-9]([.,][0-9]+)?[eE][+]?[0-9]+$', '') = ''
            as is_rounded_number,
        regexp_replace(customer_id, '^[1-9][0-9]{16,}$', '') = '' as is_long_number,
        count(*) as orders
    from orders
    group by 1

),

of_customers as (

    select
        max(orders) as most_orders,
        sum(orders) as orders,
        count(*) - count(distinct id_in_lower_case) as ids_alike,
        count(case when is_number_with_point then 1 end) as ids_with_point,
        count(case when is_rounded_number then 1 end) as rounded_ids,
        count(case when is_long_number then 1 end) as long_ids
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
        'ids with a point' as warning,
        printf(
            'Customer ids that end in .0: %d. A program has taken ids for numbers, and 10001.0 is '
            || 'another customer than 10001. Write the column as text.',
            ids_with_point
        ) as sentence
    from of_customers
    where ids_with_point > 0
    union all
    select
        'rounded ids' as warning,
        printf(
            'Customer ids that are rounded numbers such as 1.23E+12: %d. Each may stand for '
            || 'several customers. Write the column as text.',
            rounded_ids
        ) as sentence
    from of_customers
    where rounded_ids > 0
    union all
    select
        'long ids' as warning,
        printf(
            'Customer ids that are numbers beyond 9007199254740992: %d. Programs that take them '
            || 'for numbers round them. Check that the column was written as text.',
            long_ids
        ) as sentence
    from of_customers
    where long_ids > 0
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
