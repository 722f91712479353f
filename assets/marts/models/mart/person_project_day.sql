-- What each person did on a day (in the space's zone) in a project: issues made, issues done that are theirs, comments, hours. What no
-- record names a person for belongs to user 0, so that nothing is left out.
{% set groups = "space_key, project_id, date_trunc('week', day::timestamp)::date" %}
{{ config(meta={'groups': groups, 'invalidates': {'person_project_week': ['*'], 'team_project_week': ['*']}}) }}
with events as (
    select i.space_key, i.project_id, coalesce(v.user_id, 0) as user_id, v.at, v.created, v.done, 0 as comments, 0::numeric as hours
    from {{ ref('issue') }} as i
    cross join lateral (values (i.created_user_id, i.created_at, 1, 0), (i.assignee_id, i.done_at, 0, 1)) as v (user_id, at, created, done)
    where v.at is not null and not i.is_deleted
    union all
    select space_key, project_id, coalesce(user_id, 0), said_at, 0, 0, 1, 0
    from {{ ref('conversation') }}
    where not is_deleted
    union all
    select space_key, project_id, coalesce(user_id, 0), changed_at, 0, 0, 0, hours
    from {{ ref('hours_ledger') }}
    where not is_deleted
)
select space_key, user_id, project_id, day, sum(created) as created, sum(done) as done, sum(comments) as comments, sum(hours) as hours
from (
    select e.*, (e.at at time zone coalesce(z.timezone, 'UTC'))::date as day
    from events as e
    left join {{ source('raw', 'space') }} as z on z.space_key = e.space_key
    -- Dated first: joined by hash then, with the week as a part of it.
    offset 0
) as dated
where true {{ and_stale(groups) }}
group by space_key, user_id, project_id, day
