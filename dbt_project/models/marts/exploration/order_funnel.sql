{#- Each stage is a part of the one before it; of what the source does not tell there is none. -#}
{%- set missing = adapter_macro('missing_features')() -%}
{%- set stages = ['placed', 'counted'] -%}
{%- set conditions = ['is_counted'] -%}
{%- if 'delivery_days' not in missing -%}
    {%- do stages.append('delivered') -%}
    {%- do conditions.append('is_delivered') -%}
{%- endif -%}
{%- if 'review_score' not in missing -%}
    {%- do stages.append('reviewed') -%}
    {%- do conditions.append('is_reviewed') -%}
{%- endif -%}

with

orders as (

    select * from {{ ref('int_orders') }}

),

cutoffs as (

    select * from {{ ref('int_cutoffs') }}
    where is_as_of

),

reviewed_orders as (

    select distinct order_reviews.order_id
    from {{ ref('stg_order_reviews') }} as order_reviews
    inner join cutoffs on order_reviews.written_at < cutoffs.cutoff

),

known_orders as (

    select
        orders.*,
        coalesce(orders.delivered_at < cutoffs.cutoff, false) as is_delivered,
        reviewed_orders.order_id is not null as is_reviewed
    from orders
    inner join cutoffs on orders.ordered_at < cutoffs.cutoff
    left join reviewed_orders on orders.order_id = reviewed_orders.order_id

),

customers as (

    select
        customer_id,
        count(*) as orders
    from known_orders
    where is_counted
    group by 1

),

stages as (

    {% for stage in stages %}
        select
            'orders' as funnel,
            {{ loop.index }} as stage_number,
            '{{ stage }}' as stage,
            count(*) as quantity
        from known_orders
        {{- ' where ' ~ conditions[:loop.index0] | join(' and ') if not loop.first }}
        {{ 'union all' if not loop.last }}
    {% endfor %}
    {% for orders in range(1, 5) %}
        union all
        select
            'customers' as funnel,
            {{ orders }} as stage_number,
            '{{ ["first", "second", "third", "fourth"][loop.index0] }} order' as stage,
            count(*) as quantity
        from customers
        where orders >= {{ orders }}
    {% endfor %}

)

select
    *,
    quantity / nullif(first_value(quantity) over in_order_of_stages, 0) as share_of_first,
    quantity / nullif(lag(quantity) over in_order_of_stages, 0) as share_of_previous
from stages
window in_order_of_stages as (partition by funnel order by stage_number)
order by funnel, stage_number
