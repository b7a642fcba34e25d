with

changes as (

    select * from {{ ref('audience_changes') }}
    where customer_id is not null

),

cutoffs as (

    select cutoff as as_of from {{ ref('int_cutoffs') }}
    where is_as_of

),

newest as (

    select
        audience,
        customer_id,
        customer_hash,
        max(change_id) as change_id,
        max(case when change = 'added' then as_of end) as member_since
    from changes
    group by 1, 2, 3

)

select
    newest.audience,
    newest.customer_id,
    newest.customer_hash,
    changes.segment_id,
    changes.segment_name,
    newest.member_since,
    newest.change_id,
    cutoffs.as_of
from newest
inner join changes on newest.change_id = changes.change_id
cross join cutoffs
where changes.change != 'removed'
order by newest.audience, newest.customer_id
