{{ config(materialized=view_with_many_readers()) }}

with

customer_versions as (

    select * from {{ ref('int_customer_versions') }}

),

cutoffs as (

    select * from {{ ref('int_cutoffs') }}

),

customer_features as ({{ features_at('cutoffs', 'customer_versions') }})

select * from customer_features
