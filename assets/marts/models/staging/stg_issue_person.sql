-- People whom an issue or its comments name and whom the list of users does not have, as they left before the first load: one row per
-- issue and person, with the name in the newest of these records that has one.
with named as (
    select i.space_key, i.id as issue_id, p.user_id, i.payload -> p.field ->> 'name' as name, coalesce(i.updated_at, i.created_at) as named_at
    from {{ source('raw', 'issues') }} as i
    cross join lateral (values (i.created_user_id, 'createdUser'), (i.assignee_id, 'assignee')) as p (user_id, field)
    where p.user_id is not null
        and not exists (select from {{ source('raw', 'users') }} as u where u.space_key = i.space_key and u.id = p.user_id)
        {{ and_targeted('i', 'id') }}
    union all
    select c.space_key, c.issue_id, c.created_user_id, c.payload #>> '{createdUser,name}', c.created_at
    from {{ source('raw', 'comments') }} as c
    where c.created_user_id is not null
        and not exists (select from {{ source('raw', 'users') }} as u where u.space_key = c.space_key and u.id = c.created_user_id)
        {{ and_targeted('c') }}
)
select distinct on (space_key, issue_id, user_id) space_key, issue_id, user_id, name, named_at
from named
order by space_key, issue_id, user_id, name is null, named_at desc nulls last, name
