{{ config(materialized='incremental', full_refresh=false) }}

with

{% if var('observation_months') -%}
    customer_features as (

        select * from {{ ref('int_customer_features') }}

    ),
{%- endif %}

customer_versions as {{ not_materialized() }} (

    select * from {{ ref('int_customer_versions') }}

),

changes as {{ not_materialized() }} (

    select * from {{ ref('champion_changes') }}

),

steps as (

    select * from {{ ref('champion_steps') }}
    {%- if is_incremental() %}
        where step > (select coalesce(max(known.step), 0) from {{ this }} as known)
    {%- endif %}

),

dates as (

    select
        evaluation_date,
        min(step) as first_step,
        max(step) as last_step,
        max(evaluation_date) over () as newest_date,
        lag(evaluation_date, 1, {{ start_of_time() }}) over (
            order by evaluation_date
        ) as date_before,
        lead(evaluation_date, 1, {{ end_of_time() }}) over (
            order by evaluation_date
        ) as date_after
    from steps
    group by 1

),

-- What a customer is worth, and at which steps: far fewer rows than customers at all steps.
{% if var('observation_months') -%}
    valued as (

        select
            customer_features.customer_number,
            customer_features.monetary_value,
            dates.first_step,
            dates.last_step
        from customer_features
        inner join dates on customer_features.cutoff = dates.evaluation_date

    ),
{%- else -%}
    begun as {{ materialized() }} (

        -- On its own: both joins in one would go through all customers at all dates.
        select
            customer_versions.customer_number,
            customer_versions.monetary_value,
            dates.first_step,
            least(customer_versions.valid_to, dates.newest_date) as known_to
        from customer_versions
        inner join dates
            on
                customer_versions.valid_from >= dates.date_before
                and customer_versions.valid_from < dates.evaluation_date

    ),

    valued as (

        select
            begun.customer_number,
            begun.monetary_value,
            begun.first_step,
            dates.last_step
        from begun
        inner join dates
            on begun.known_to >= dates.evaluation_date and begun.known_to < dates.date_after
        where begun.first_step <= dates.last_step

    ),
{%- endif %}

stays as (

    -- By numbers: they sort and join several times faster than ids. Who is known no more has none.
    select
        customer_versions.customer_number,
        changes.segment_id,
        changes.previous_segment_id,
        changes.step as first_step,
        lead(changes.step, 1, 2147483647) over (
            partition by customer_versions.customer_number order by changes.step
        ) - 1 as last_step
    from changes
    inner join customer_versions
        on
            changes.customer_id = customer_versions.customer_id
            and customer_versions.valid_to = {{ end_of_time() }}

),

valued_stays as (

    select
        stays.previous_segment_id,
        stays.segment_id,
        stays.first_step,
        greatest(valued.first_step, stays.first_step) as valued_from,
        least(valued.last_step, stays.last_step) as valued_to,
        count(*) as customers,
        sum(valued.monetary_value) as revenue
    from valued
    inner join stays
        on
            valued.customer_number = stays.customer_number
            and valued.first_step <= stays.last_step
            and valued.last_step >= stays.first_step
    where stays.segment_id is not null
    group by 1, 2, 3, 4, 5

),

moved as (

    -- At the first step of a stay the customer comes from the segment before it.
    select
        steps.step,
        case
            when valued_stays.first_step = steps.step then valued_stays.previous_segment_id
            else valued_stays.segment_id
        end as from_segment_id,
        valued_stays.segment_id as to_segment_id,
        valued_stays.customers,
        valued_stays.revenue
    from valued_stays
    inner join steps
        on valued_stays.valued_from <= steps.step and valued_stays.valued_to >= steps.step

),

left_us as (

    select
        steps.step,
        changes.previous_segment_id as from_segment_id,
        cast(null as integer) as to_segment_id,
        1 as customers,
        0 as revenue
    from steps
    inner join changes on steps.step = changes.step
    where changes.segment_id is null

),

everyone as (

    select * from moved
    union all
    select * from left_us

)

select
    steps.step,
    steps.evaluation_date,
    steps.champion_period,
    everyone.from_segment_id,
    everyone.to_segment_id,
    case
        when everyone.from_segment_id is null then 'entry'
        when everyone.to_segment_id is null then 'exit'
        when everyone.from_segment_id = everyone.to_segment_id then 'stay'
        when steps.is_relabelling then 'relabelling'
        else 'migration'
    end as movement,
    cast(sum(everyone.customers) as bigint) as customers,
    cast(sum(everyone.revenue) as decimal(18, 2)) as revenue
from everyone
inner join steps on everyone.step = steps.step
group by 1, 2, 3, 4, 5, 6
order by steps.step, everyone.from_segment_id, everyone.to_segment_id
