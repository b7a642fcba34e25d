{{ config(materialized=view_with_many_readers()) }}

{%- set comparison_date = var('comparison_date') -%}
{%- if comparison_date not in ['first_evaluation_date', 'as_of'] -%}
    {%- do exceptions.raise_compiler_error(
        'comparison_date is ' ~ comparison_date ~ '; it must be first_evaluation_date or as_of.'
    ) -%}
{%- endif %}

with

customer_versions as (

    select * from {{ ref('int_customer_versions') }}

),

cutoffs as (

    select * from {{ ref('int_cutoffs') }}

),

comparison_date as (

    -- A model is chosen by what is known when it is fitted, or by the published state.
    select {{ 'max' if comparison_date == 'as_of' else 'min' }}(cutoff) as cutoff
    from cutoffs
    where {{ 'is_as_of' if comparison_date == 'as_of' else 'is_evaluation_date' }}

),

customer_features as ({{ features_at('comparison_date', 'customer_versions') }}),

known as (

    select
        *,
        count(*) over () as known_customers
    from customer_features

),

sampled as (

    -- A sample that depends on nothing but who the customers are.
    select * from known
    qualify row_number() over (order by md5(customer_id)) <= {{ var('comparison_max_customers') }}

)

select * from sampled  -- noqa: AM04
