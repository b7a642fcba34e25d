{#- Of each customer; null features where no counted order is left since. -#}
{%- set measures = {
    'recency_days': 'features.recency_days',
    'frequency': 'features.frequency',
    'monetary_value': 'features.monetary_value',
    'bought': 'sign(bought.orders)',
    'revenue': 'bought.revenue',
} %}
{%- set names = measures | list %}

with

campaigns as ({{ declared_campaigns() }}),

members as (

    select * from {{ ref('campaign_members') }}

),

cutoffs as (

    select cutoff as as_of from {{ ref('int_cutoffs') }}
    where is_as_of

),

customer_versions as (

    select * from {{ ref('int_customer_versions') }}

),

purchases as (

    select
        customer_id,
        known_at as ordered_at,
        orders,
        monetary_value
    from {{ ref('int_customer_facts') }}
    where fact = 'order placed'

),

dated as (

    select
        campaigns.campaign,
        campaigns.audience,
        campaigns.starts_on,
        campaigns.ends_on,
        campaigns.holdout_share,
        cutoffs.as_of,
        campaigns.ends_on + interval '1' day as ended_at,
        {{ elapsed_days('campaigns.starts_on', 'campaigns.ends_on') }} + 1 as days,
        -- What is known before the start, or now where it has not begun.
        least(campaigns.starts_on, cutoffs.as_of) as started_by
    from campaigns
    cross join cutoffs

),

starts as (

    select distinct started_by as cutoff from dated

),

features as (
    {{ known_customers(
        'starts', 'customer_versions', observation_months(var('observation_months'))
    ) }}
),

bought as (

    select
        members.campaign,
        members.customer_id,
        max(case when purchases.ordered_at < dated.started_by then 1 else 0 end)
            as bought_before,
        sum(case when purchases.ordered_at >= dated.starts_on then purchases.orders else 0 end)
            as orders,
        sum(
            case when purchases.ordered_at >= dated.starts_on then purchases.monetary_value end
        ) as revenue
    from members
    inner join dated on members.campaign = dated.campaign
    inner join purchases
        on
            members.customer_id = purchases.customer_id
            and purchases.ordered_at >= dated.started_by - dated.days * interval '1' day
            and purchases.ordered_at < least(dated.ended_at, dated.as_of)
    group by 1, 2

),

measured as (

    select
        members.campaign,
        members.is_held_out,
        {%- for measure, value in measures.items() %}
            cast(coalesce({{ value }}, 0) as decimal(18, 2)) as {{ measure }},
        {%- endfor %}
        coalesce(bought.bought_before, 0) as bought_before,
        coalesce(bought.orders, 0) as orders
    from members
    inner join dated on members.campaign = dated.campaign
    left join bought
        on members.campaign = bought.campaign and members.customer_id = bought.customer_id
    left join features
        on
            dated.started_by = features.cutoff
            and members.customer_id = features.customer_id

),

arms as (

    select
        *,
        false as is_held_out
    from dated
    union all
    select
        *,
        true as is_held_out
    from dated

)

select
    arms.campaign,
    arms.is_held_out,
    arms.audience,
    arms.starts_on,
    arms.ends_on,
    arms.holdout_share,
    arms.as_of,
    {%- for one in names %}
        {%- if one not in ('bought', 'revenue') %}
            cast(coalesce(sum(measured.{{ one }}), 0) as decimal(38, 4)) as sum_{{ one }},
        {%- endif %}
        {%- for other in names[loop.index0:] if one != 'bought' %}
            cast(coalesce(sum(measured.{{ one }} * measured.{{ other }}), 0) as decimal(38, 4))
                as sum_{{ one }}_{{ other }},
        {%- endfor %}
    {%- endfor %}
    cast(coalesce(sum(measured.bought), 0) as bigint) as buyers,
    cast(coalesce(sum(measured.orders), 0) as bigint) as orders,
    cast(coalesce(sum(measured.revenue), 0) as decimal(18, 2)) as revenue,
    cast(coalesce(sum(measured.bought_before), 0) as bigint) as buyers_before,
    count(measured.campaign) as customers
from arms
left join measured
    on arms.campaign = measured.campaign and arms.is_held_out = measured.is_held_out
group by 1, 2, 3, 4, 5, 6, 7
order by arms.campaign, arms.is_held_out
