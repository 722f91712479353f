-- Everyone whom a record names, with the last name that is known: the users of the space, those who are gone, and those who were gone
-- before the first load and are known only from what they left behind; and one, 0, (nobody), for what no record names a person for, such
-- as issues without an assignee.
select
    u.space_key,
    u.id as user_id,
    coalesce(u.name, '(unknown)') as user_name,
    u.deleted_at is not null as is_deleted,
    true as is_listed
from {{ source('raw', 'users') }} as u
union all
(
    select distinct on (p.space_key, p.user_id) p.space_key, p.user_id, coalesce(p.name, '(unknown)'), true, false
    from {{ ref('stg_issue_person') }} as p
    where not exists (select from {{ source('raw', 'users') }} as u where u.space_key = p.space_key and u.id = p.user_id)
    order by p.space_key, p.user_id, p.name is null, p.named_at desc nulls last, p.issue_id desc
)
union all
select z.space_key, 0, '(nobody)', false, false
from {{ source('raw', 'space') }} as z
