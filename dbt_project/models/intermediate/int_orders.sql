
{%- set uncounted = [] -%}
{%- for status in var('uncounted_order_statuses') -%}
    {%- do uncounted.append(sql_string(status)) -%}
{%- endfor %}

with

orders as (

    select * from {{ ref('stg_orders') }}

)

select
    order_id,
    customer_id,
    ordered_at,
    order_status,
    monetary_value,
    items,
    main_category,
    state,
    city,
    delivered_at,
    promised_at,
    not is_refunded
    {%- if uncounted %}
        and order_status not in ({{ uncounted | join(', ') }})
    {%- endif %} as is_counted
from orders
