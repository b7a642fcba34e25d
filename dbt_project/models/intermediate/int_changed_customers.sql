{{ config(materialized='view') }}

-- Of other sources it is not known: their tables are made whole.
{% if var('source') == 'olist' -%}
    select distinct customer_id from {{ ref('stg_olist__changed_orders') }}
    where customer_id is not null
{%- else -%}
    select customer_id from {{ ref('int_orders') }}
    where false
{%- endif %}
