with

transitions as (

    select * from {{ ref('champion_transitions') }}

),

steps as (

    select
        evaluation_date,
        step,
        scaling_model_id != model_id as is_recentred,
        row_number() over (partition by evaluation_date order by step) = 1 as is_first_of_date
    from {{ ref('champion_steps') }}

),

summed_up as (

    -- A new model finds everyone again whom the old one has placed at the same date.
    select
        transitions.evaluation_date,
        {{ customers_who('stay', 'steps.is_first_of_date') }} as stayed_customers,
        {{ customers_who('migration') }} as migrated_customers,
        {{ customers_who('relabelling') }} as relabelled_customers,
        {{ customers_who('entry') }} as new_customers,
        {{ customers_who('exit') }} as lost_customers,
        cast(
            coalesce(sum(transitions.revenue) filter (where transitions.movement = 'migration'), 0)
            as decimal(18, 2)
        ) as migrated_revenue,
        bool_or(steps.is_recentred and steps.is_first_of_date) as is_recentred,
        count(distinct transitions.champion_period) > 1 as is_takeover
    from transitions
    inner join steps on transitions.step = steps.step
    group by 1

),

shared as (

    select
        *,
        case
            when stayed_customers + migrated_customers > 0
                then migrated_customers / (stayed_customers + migrated_customers)
        end as migrated_share
    from summed_up

)

select
    evaluation_date,
    stayed_customers,
    migrated_customers,
    migrated_share,
    migrated_revenue,
    new_customers,
    lost_customers,
    relabelled_customers,
    is_takeover,
    case
        when migrated_share is null then 'The first segments: nobody has been in another one.'
        else
            printf(
                'Migration: %,d of %,d customers (%.1f %%) have changed segment because they '
                || 'changed, %s, since the evaluation before.%s',
                migrated_customers,
                stayed_customers + migrated_customers,
                100 * migrated_share,
                case
                    when is_recentred then 'or the others did, under one model that is re-centred'
                    else 'under one model'
                end,
                case
                    when is_takeover
                        then
                            printf(
                                ' The change of model relabelled %,d; that is no migration.',
                                relabelled_customers
                            )
                    else ''
                end
            )
    end as sentence
from shared
order by evaluation_date
