{{ config(post_hook=['{{ tell_losses() }}', '{{ drop_customers_of_last_build() }}']) }}

{%- set measures_before = table_of_last_build('int_build_measures') %}
{%- set customers_before = customers_of_last_build() %}
{#- Who has no new row has the orders of the last build. -#}
{%- set goes_by_change = goes_by_change() %}
-- depends_on: {{ ref('stg_changed_customers') }}

with

{% if goes_by_change -%}
    changed as (

        select * from {{ ref('stg_changed_customers') }}

    ),
{%- endif %}

raw_tables as (

    select * from {{ ref('stg_raw_tables') }}

),

orders as (

    select * from {{ ref('int_orders') }}
    where is_counted

),

measures as (

    select
        'rows' as measure,
        raw_table as part,
        cast(rows_in as decimal(18, 2)) as amount
    from raw_tables
    union all
    select
        'orders' as measure,
        left({{ iso_date('ordered_at') }}, 7) as part,
        count(*) as amount
    from orders
    group by 2
    union all
    select
        'revenue' as measure,
        left({{ iso_date('ordered_at') }}, 7) as part,
        sum(monetary_value) as amount
    from orders
    group by 2

),

{% if measures_before is not none -%}
    measures_before as (

        -- Other vars count other orders: that is no loss.
        select * from {{ measures_before }}
        where vars_of_orders = {{ sql_string(vars_of_orders()) }}

    ),
{%- else -%}
    measures_before as (

        select
            measure,
            part,
            amount,
            '' as vars_of_orders
        from measures
        where false

    ),
{%- endif %}

customers as (

    select distinct customer_id from orders
    {%- if goes_by_change %}
        where customer_id in (select changed.customer_id from changed)
    {%- endif %}

),

customers_before as (

    {% if measures_before is not none and customers_before is not none -%}
        -- Of each customer the newest version.
        select customer_id from {{ customers_before }}
        where
            valid_to = {{ end_of_time() }}
            and exists (select 1 from measures_before)
    {%- else -%}
        select customer_id from customers
        where false
    {%- endif %}

),

customers_in_question as (

    select customer_id from customers_before
    {%- if goes_by_change %}
        where customer_id in (select changed.customer_id from changed)
    {%- endif %}

),

gone_or_new as (

    -- Programs that take ids for numbers lose leading zeros, or add a final .0.
    select
        customers.customer_id is null as is_gone,
        regexp_replace(
            lower(trim(coalesce(customers.customer_id, customers_in_question.customer_id))),
            '^0+|[.]0$',
            ''
            {{- ", 'g'" if target.type == 'duckdb' }}
        ) as core
    from customers
    full outer join customers_in_question
        on customers.customer_id = customers_in_question.customer_id
    where customers.customer_id is null or customers_in_question.customer_id is null

),

renamed as (

    select distinct core from gone_or_new
    where not is_gone

),

gone as (

    select
        count(*) as customers,
        count(renamed.core) as renamed_customers
    from gone_or_new
    left join renamed on gone_or_new.core = renamed.core
    where gone_or_new.is_gone

),

compared as (

    select
        coalesce(measures.measure, measures_before.measure) as measure,
        coalesce(measures.part, measures_before.part) as part,
        measures_before.amount as before,
        coalesce(measures.amount, 0) as now
    from measures
    full outer join measures_before
        on
            measures.measure = measures_before.measure
            and measures.part = measures_before.part
    union all
    select
        'customers' as measure,
        'of the last build' as part,
        cast(count(*) as decimal(18, 2)) as before,
        cast(count(*) - min(gone.customers) as decimal(18, 2)) as now
    from customers_before
    cross join gone
    having count(*) > 0

),

judged as (

    -- Few orders more or less are a large share of a small month.
    select
        compared.*,
        coalesce(
            compared.before - compared.now > {{ var('max_loss') }} * compared.before
            and (compared.measure = 'revenue' or compared.before - compared.now >= 10)
            and (compared.measure != 'revenue' or orders_before.amount >= 30),
            false
        ) as is_loss
    from compared
    left join measures_before as orders_before
        on
            orders_before.measure = 'orders'
            and compared.part = orders_before.part

)

select
    judged.measure,
    judged.part,
    judged.before,
    judged.now,
    judged.is_loss,
    case judged.measure
        when 'customers'
            then
                printf(
                    '%d of the %d customers of the last build are gone%s.',
                    cast(judged.before - judged.now as bigint),
                    cast(judged.before as bigint),
                    case
                        when gone.renamed_customers > 0
                            then
                                printf(
                                    '; %d of them are there under an id that differs by leading '
                                    || 'zeros, a final .0, case or blanks',
                                    gone.renamed_customers
                                )
                        else ''
                    end
                )
        when 'rows'
            then
                printf(
                    '%s has %d rows; at the last build it had %d.',
                    judged.part,
                    cast(judged.now as bigint),
                    cast(judged.before as bigint)
                )
        else
            printf(
                'The counted %s of %s fell from %.0f to %.0f since the last build.',
                judged.measure,
                judged.part,
                cast(judged.before as double),
                cast(judged.now as double)
            )
    end as sentence
from judged
cross join gone
