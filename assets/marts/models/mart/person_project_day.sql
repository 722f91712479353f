-- What each person did on a day (in the space's zone) in a project: issues made, issues done that are theirs, comments, hours. What no
-- record names a person for belongs to user 0, so that nothing is left out.
with events as (
    select space_key, project_id, created_user_id as user_id, created_at as at, 1 as created, 0 as done, 0 as comments, 0::numeric as hours
    from {{ ref('issue') }}
    where not is_deleted
    union all
    select space_key, project_id, assignee_id, done_at, 0, 1, 0, 0
    from {{ ref('issue') }}
    where done_at is not null and not is_deleted
    union all
    select space_key, project_id, user_id, said_at, 0, 0, 1, 0
    from {{ ref('conversation') }}
    where not is_deleted
    union all
    select space_key, project_id, user_id, changed_at, 0, 0, 0, hours
    from {{ ref('hours_ledger') }}
    where not is_deleted
)
select
    e.space_key,
    coalesce(e.user_id, 0) as user_id,
    e.project_id,
    (e.at at time zone coalesce(z.timezone, 'UTC'))::date as day,
    sum(e.created) as created,
    sum(e.done) as done,
    sum(e.comments) as comments,
    sum(e.hours) as hours
from events as e
left join {{ source('raw', 'space') }} as z on z.space_key = e.space_key
group by 1, 2, 3, 4
