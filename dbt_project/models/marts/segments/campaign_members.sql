with

campaigns as ({{ declared_campaigns() }}),

changes as (

    select * from {{ ref('audience_changes') }}
    where customer_id is not null

),

at_the_start as (

    -- The state at the start, or the newest one before it.
    select
        campaigns.campaign,
        campaigns.holdout_share,
        campaigns.salt,
        changes.*
    from campaigns
    inner join changes
        on
            campaigns.audience = changes.audience
            and campaigns.starts_on >= changes.as_of
    qualify
        row_number() over (
            partition by campaigns.campaign, changes.customer_id order by changes.change_id desc
        ) = 1

)

select
    campaign,
    customer_id,
    customer_hash,
    segment_id,
    segment_name,
    -- Of the customer and the salt alone: other members, refits and erasures change nobody's side.
    {{ hash_share("salt || ':' || customer_id") }} < holdout_share as is_held_out
from at_the_start
where change != 'removed'
order by campaign, customer_id
