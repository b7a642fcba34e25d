{{
    config(
        materialized=made_by_change(),
        incremental_strategy='append',
        full_refresh=false,
        tags=['by_change'],
        pre_hook="{{ delete_changed('customer_id', ref('int_changed_customers')) }}",
    )
}}

-- After int_losses, which holds the customers of the last build against those of this one.
-- depends_on: {{ ref('int_losses') }}

with

facts as (

    select * from {{ ref('int_customer_facts') }}
    {%- if is_incremental() %}
        where customer_id in (
            select changed.customer_id from {{ ref('int_changed_customers') }} as changed
        )
    {%- endif %}

),

accumulated as (

    select
        customer_id,
        customer_number,
        known_at as valid_from,
        coalesce(
            lead(known_at) over (partition by customer_number order by known_at),
            {{ end_of_time() }}
        ) as valid_to,
        {% if var('returns') == 'subtract' -%}
            last_value(
                case when fact in ('order placed', 'order returned') then ordered_at end ignore nulls
            ) over (
                partition by customer_number order by known_at, fact
                rows between unbounded preceding and current row
            ) as last_ordered_at,
        {%- else -%}
            max(ordered_at) over so_far as last_ordered_at,
        {%- endif %}
        cast(sum(orders) over so_far as integer) as frequency,
        cast(sum(monetary_value) over so_far as decimal(18, 2)) as monetary_value,
        cast(sum(items) over so_far as integer) as items,
        cast(sum(delivered_orders) over so_far as integer) as delivered_orders,
        cast(sum(delivery_days) over so_far as decimal(18, 6)) as delivery_days_sum,
        cast(sum(scored_orders) over so_far as integer) as scored_orders,
        cast(sum(review_score) over so_far as decimal(18, 6)) as review_score_sum
    from facts
    window so_far as (
        partition by customer_number order by known_at
        rows between unbounded preceding and current row
    )

)

-- Of facts that become known at one moment the last one has them all. In order, because customers
-- who came at one time share bins at each cut-off: counted in turn, they fit into memory.
select * from accumulated
where valid_from < valid_to
order by customer_number, valid_from
