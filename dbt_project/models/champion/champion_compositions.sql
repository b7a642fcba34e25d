{{ config(materialized='view') }}

{%- set candidate = chosen_model() -%}
{#- Of the first evaluation date; later there are more, as the shop has grown. -#}
{%- set sample_size = 20000 -%}

with

customer_versions as {{ not_materialized() }} (

    select * from {{ ref('int_customer_versions') }}

),

models as (

    select * from {{ ref('training_models') }}

),

evaluations as (

    select * from {{ ref('champion_evaluations') }}

),

alarming as (

    select
        evaluations.origin_model_id,
        evaluations.model_id,
        models.fitted_as_of,
        evaluations.evaluation_date
    from evaluations
    inner join models on evaluations.origin_model_id = models.model_id
    where
        evaluations.is_alarming
        and models.candidate_id = {{ sql_string(candidate.candidate_id) }}

),

sides as (

    select
        origin_model_id,
        model_id,
        fitted_as_of as cutoff,
        evaluation_date as other_cutoff,
        true as is_then
    from alarming
    union all
    select
        origin_model_id,
        model_id,
        evaluation_date as cutoff,
        fitted_as_of as other_cutoff,
        false as is_then
    from alarming

),

due as (

    select distinct cutoff from sides

),

first_fit as (

    select min(fitted_as_of) as fitted_as_of
    from models

),

first_customers as (

    -- Customers are numbered in the order of their first orders.
    select greatest(max(customer_versions.customer_number), 1) as customers
    from customer_versions
    inner join first_fit on customer_versions.valid_from < first_fit.fitted_as_of

),

sampled as (

    -- So many of each thousand who come one after the other: who they are depends on nobody later.
    select customer_versions.customer_number
    from customer_versions
    cross join first_customers
    where
        customer_versions.valid_to = {{ end_of_time() }}
        and cast(customer_versions.customer_number as bigint) * 7919 % 1000
        < 1000e0 * {{ sample_size }} / first_customers.customers

),

versions_of_sampled as {{ not_materialized() }} (

    select customer_versions.*
    from customer_versions
    semi join sampled on customer_versions.customer_number = sampled.customer_number

),

customers as ({{ features_at('due', 'versions_of_sampled') }}),

known as (

    select
        cutoff,
        customer_number,
        {{ features_of(candidate, 'customers') }}
    from customers

),

spread as ({{ spread_of_features('known', candidate) }}),

placed as (

    select
        known.cutoff,
        known.customer_number,
        {{ transformed_features('known', candidate) }},
        {{ features_in_bin_widths('known', 'spread', candidate, noise_bin_width()) }}
    from known
    inner join spread on known.cutoff = spread.cutoff

),

binned as (

    select
        *,
        {{ staggered_bins(candidate) }}
    from placed

),

parted as (

    select
        sides.origin_model_id,
        sides.model_id,
        case
            when others.customer_number is null and sides.is_then then 'leavers'
            when others.customer_number is null then 'newcomers'
            when sides.is_then then 'stayers_then'
            else 'stayers_now'
        end as part,
        binned.*
    from sides
    inner join binned on sides.cutoff = binned.cutoff
    left join known as others
        on
            sides.other_cutoff = others.cutoff
            and binned.customer_number = others.customer_number

),

counted as (

    select
        origin_model_id,
        model_id,
        part,
        count(*) as customers,
        {{ mean_feature_values(candidate) }},
        {{ bin_columns(candidate) }}
    from parted
    group by origin_model_id, model_id, part, {{ bin_columns(candidate) }}

),

numbered as (

    select
        *,
        row_number() over (
            partition by origin_model_id, model_id, part order by {{ bin_order(candidate) }}
        ) as observation
    from counted

)

select
    origin_model_id,
    model_id,
    part,
    cast(observation as integer) as observation,
    cast(customers as bigint) as customers,
    {{ feature_list(candidate, 'numbered') }}
        as feature_values
from numbered
