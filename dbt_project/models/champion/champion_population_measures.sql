with

windows as (

    select * from {{ ref('champion_windows') }}

),

newcomers as (

    select * from {{ ref('champion_newcomers') }}

),

repeat_purchases as (

    select * from {{ ref('champion_repeat_purchases') }}

),

recipe as (

    select * from {{ ref('champion_recipe') }}

),

models as (

    select * from {{ ref('training_models') }}

),

parameters as (

    select * from {{ ref('training_parameters') }}

),

clusters as (

    select distinct
        model_id,
        cluster
    from {{ ref('training_centroids') }}

),

cells as (

    select
        origin_model_id,
        cutoff,
        origin_cluster,
        cluster,
        customers
    from newcomers
    where quantity = 'distance'

),

totals as (

    select
        origin_model_id,
        cutoff,
        sum(customers) as customers
    from cells
    group by 1, 2

),

sizes as (

    select
        totals.origin_model_id,
        totals.cutoff,
        totals.customers,
        clusters.cluster,
        coalesce(sum(cells.customers), 0) as members
    from totals
    inner join clusters on totals.origin_model_id = clusters.model_id
    left join cells
        on
            totals.origin_model_id = cells.origin_model_id
            and totals.cutoff = cells.cutoff
            and clusters.cluster = cells.origin_cluster
    group by 1, 2, 3, 4

),

averages as (

    select
        newcomers.origin_model_id,
        newcomers.cutoff,
        newcomers.quantity,
        sum(newcomers.customers) as customers,
        {{ sum_in_order('newcomers.total', ['origin_cluster', 'cluster']) }}
        / sum(newcomers.customers) as mean,
        {{ sum_in_order('newcomers.total_of_squares', ['origin_cluster', 'cluster']) }}
        / sum(newcomers.customers) as mean_square
    from newcomers
    -- A feature that the model does not use is 0 for all.
    left join parameters
        on
            newcomers.origin_model_id = parameters.model_id
            and newcomers.quantity = parameters.feature
    where newcomers.quantity = 'distance' or parameters.feature is not null
    group by 1, 2, 3

),

measured as (

    select
        'newcomers' as clause,
        origin_model_id,
        cutoff,
        case quantity when 'distance' then 'distance' else 'mean' end as measure,
        case quantity when 'distance' then 'all segments' else quantity end as subject,
        customers,
        mean as measured_value,
        sqrt(greatest(mean_square - {{ square_of('mean') }}, 0) / customers) as sampling_error
    from averages
    union all
    select
        'newcomers' as clause,
        origin_model_id,
        cutoff,
        'share' as measure,
        cast(cluster as string) as subject,
        customers,
        cast(members as double) / customers as measured_value,
        {{ sampling_error_of_share('members', 'customers') }} as sampling_error
    from sizes
    union all
    select
        'recipe' as clause,
        windows.origin_model_id,
        windows.cutoff,
        'repeat purchases' as measure,
        'all segments' as subject,
        repeat_purchases.customers,
        cast(repeat_purchases.customers_again as double) / repeat_purchases.customers
            as measured_value,
        {{ sampling_error_of_share(
            'repeat_purchases.customers_again', 'repeat_purchases.customers'
        ) }} as sampling_error
    from windows
    inner join repeat_purchases on windows.cutoff = repeat_purchases.cutoff
    union all
    select
        'recipe' as clause,
        recipe.origin_model_id,
        models.fitted_as_of as cutoff,
        recipe.measure,
        recipe.subject,
        recipe.customers,
        recipe.measured_value,
        recipe.sampling_error
    from recipe
    inner join models on recipe.model_id = models.model_id

)

select
    clause,
    origin_model_id,
    cutoff,
    measure,
    subject,
    cast(customers as bigint) as customers,
    cast(measured_value as double) as measured_value,
    cast(sampling_error as double) as sampling_error
from measured
order by clause, origin_model_id, cutoff, measure, subject
