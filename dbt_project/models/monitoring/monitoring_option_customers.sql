{{ config(materialized='view') }}

{%- set features = all_feature_transforms() %}
{#- Always the same customers of all. -#}
{%- set sample_size = 20000 -%}

with

customer_versions as (

    select * from {{ ref('int_customer_versions') }}

),

customer_features as (

    select * from {{ ref('int_customer_features') }}

),

cutoffs as (

    select * from {{ ref('int_cutoffs') }}
    where is_evaluation_date

),

customers as (

    select distinct customer_id from customer_versions

),

sampled as (

    -- A sample that depends on nothing but who the customers are.
    select customer_id from customers
    qualify
        row_number() over (order by md5(customer_id)) <= {{ sample_size }}

),

as_in_use as (

    select customer_features.*
    from customer_features
    semi join cutoffs on customer_features.cutoff = cutoffs.cutoff

),

{% for months in contract_option_windows() -%}
    within_{{ months or 'all' }}_months as (
        {{ known_customers('cutoffs', 'customer_versions', months) }}
    ),
{% endfor %}

windows as (

    select
        cutoff,
        customer_id,
        {{ features | join(', ') }},
        cast({{ var('observation_months') or 'null' }} as integer) as observation_months
    from as_in_use
    {% for months in contract_option_windows() %}
        union all
        select
            cutoff,
            customer_id,
            {{ features | join(', ') }},
            cast({{ months or 'null' }} as integer) as observation_months
        from (
            select
                *,
                {{ relative_recencies() }}
            from within_{{ months or 'all' }}_months
        ) as within_window
    {% endfor %}

)

select windows.*  -- noqa: AM04
from windows
semi join sampled on windows.customer_id = sampled.customer_id
