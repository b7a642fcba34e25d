{{ config(materialized='incremental', full_refresh=false) }}

{%- set features = mapping_var('feature_transforms') %}
{%- set positions = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9] %}

with

customer_versions as {{ not_materialized() }} (

    select * from {{ ref('int_customer_versions') }}

),

first_evaluation as (

    select min(cutoff) as cutoff
    from {{ ref('int_cutoffs') }}
    where is_evaluation_date

),

customer_features as ({{ features_at('first_evaluation', 'customer_versions') }}),

{% if is_incremental() -%}
    known as (

        select distinct feature from {{ this }}

    ),
{%- endif %}

deciles as (

    {% for feature in features %}
        select
            '{{ feature }}' as feature,
            cutoff as reference_date,
            {{ quantiles('cast(' ~ feature ~ ' as double)', positions) }} as deciles
        from customer_features
        group by 1, 2
        {{ 'union all' if not loop.last }}
    {% endfor %}

)

-- Computed once: later evaluation dates are held against what does not move.
select deciles.*
from deciles
{%- if is_incremental() %}
    anti join known on deciles.feature = known.feature
{%- endif %}
