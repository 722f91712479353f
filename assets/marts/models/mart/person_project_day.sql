-- What each person did on a day (in the space's zone) in a project: issues made, issues done that are theirs, comments, hours. What no
-- record names a person for belongs to user 0, so that nothing is left out.
{{ config(meta={'groups': project_week(), 'invalidates': {'person_project_week': [project_week()], 'team_project_week': [project_week()]}}) }}
-- depends_on: {{ ref('team_membership') }}
-- It takes away the list of groups that this one writes to.
with events as (
    select i.space_key, i.project_id, coalesce(v.user_id, 0) as user_id, v.day, v.created, v.done, 0 as comments, 0::numeric as hours
    from {{ ref('issue') }} as i
    cross join lateral (values (i.created_user_id, i.created_day, 1, 0), (i.assignee_id, i.done_day, 0, 1)) as v (user_id, day, created, done)
    where v.day is not null and not i.is_deleted
    union all
    select space_key, project_id, coalesce(user_id, 0), said_day, 0, 0, 1, 0
    from {{ ref('conversation') }}
    where not is_deleted
    union all
    select space_key, project_id, coalesce(user_id, 0), work_date, 0, 0, 0, hours
    from {{ ref('hours_ledger') }}
    where not is_deleted
)
select space_key, user_id, project_id, day, sum(created) as created, sum(done) as done, sum(comments) as comments, sum(hours) as hours
from events
where true {{ and_stale(project_week()) }}
group by space_key, user_id, project_id, day
