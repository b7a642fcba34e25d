{{ config(materialized='incremental', full_refresh=false, on_schema_change='append_new_columns') }}

{%- set audiences = mapping_var('audiences') %}

with

customers as (

    select * from {{ ref('customer_segments') }}

),

published as (

    select * from {{ ref('int_published_segments') }}

),

published_state as (

    select count(*) as customers from published

),

cutoffs as (

    select cutoff as as_of from {{ ref('int_cutoffs') }}
    where is_as_of

),

members as (

    {% for audience in audiences | sort -%}
        select
            {{ sql_string(audience) }} as audience,
            customer_id,
            segment_id,
            segment_name
        from customers
        where (
{{ audiences[audience] }}
        )
        union all
    {% endfor -%}
    select
        cast(null as string) as audience,
        customer_id,
        segment_id,
        segment_name
    from customers
    where false

),

feed as (

    {% if is_incremental() -%}
        select * from {{ this }}
    {%- else -%}
        select
            cast(0 as bigint) as change_id,
            audience,
            customer_id,
            segment_id,
            segment_name,
            '' as change
        from members
        where false
    {%- endif %}

),

newest as (

    -- By the feed itself, so that a build that is killed leaves no change out and none twice.
    select * from feed
    where customer_id is not null
    qualify row_number() over (partition by audience, customer_id order by change_id desc) = 1

),

members_before as (

    select * from newest
    where change != 'removed'

),

compared as (

    select
        members.audience is not null as is_member,
        members_before.audience is not null as was_member,
        coalesce(members.audience, members_before.audience) as audience,
        coalesce(members.customer_id, members_before.customer_id) as customer_id,
        members_before.segment_id as segment_id_before,
        members_before.segment_name as segment_name_before
    from members
    full outer join members_before
        on
            members.audience = members_before.audience
            and members.customer_id = members_before.customer_id
    where
        members.audience is null
        or members_before.audience is null
        or members.segment_id != members_before.segment_id
        or members.segment_name != members_before.segment_name

),

with_reasons as (

    select
        compared.audience,
        compared.customer_id,
        case
            when not compared.was_member then 'added'
            when compared.is_member then 'changed'
            else 'removed'
        end as change,
        case
            when
                not compared.was_member
                and compared.audience not in (select filled.audience from members_before as filled)
                then 'first members'
            when
                not compared.was_member
                and published.customer_id is null
                and published_state.customers > 0
                then 'new customer'
            when
                not compared.was_member
                and customers.segment_id != published.segment_id
                then 'moved segment'
            when not compared.was_member then 'condition'
            {%- if audiences %}
                when
                    not compared.is_member
                    and compared.audience not in (
                        {%- for audience in audiences | sort %}
                            {{ sql_string(audience) }} {{- ',' if not loop.last }}
                        {%- endfor %}
                    )
                    then 'audience dropped'
            {%- else %}
                when not compared.is_member then 'audience dropped'
            {%- endif %}
            when customers.customer_id is null then 'left'
            when customers.segment_id != compared.segment_id_before then 'moved segment'
            when compared.is_member then 'segment renamed'
            else 'condition'
        end as reason,
        coalesce(customers.segment_id, compared.segment_id_before) as segment_id,
        coalesce(customers.segment_name, compared.segment_name_before) as segment_name
    from compared
    left join customers on compared.customer_id = customers.customer_id
    left join published on compared.customer_id = published.customer_id
    cross join published_state

)

select
    cast(
        (select coalesce(max(feed.change_id), 0) from feed)
        + row_number() over (order by with_reasons.audience, with_reasons.customer_id) as bigint
    ) as change_id,
    with_reasons.audience,
    with_reasons.customer_id,
    {{ sha256_of('with_reasons.customer_id') }} as customer_hash,
    with_reasons.change,
    with_reasons.reason,
    with_reasons.segment_id,
    with_reasons.segment_name,
    cutoffs.as_of
from with_reasons
cross join cutoffs
order by change_id
