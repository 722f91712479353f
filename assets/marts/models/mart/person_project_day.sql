-- What each person did on a day (in the space's zone) in a project: issues made, issues done that are theirs, comments, hours. What no
-- record names a person for belongs to user 0, so that nothing is left out.
{{ config(meta={'groups': project_week(), 'invalidates': {'person_project_week': [project_week()], 'team_project_week': [project_week()]}}) }}
-- depends_on: {{ ref('team_membership') }}
-- It takes away the list of groups that this one writes to.
with events as (
    select space_key, created_project_id as project_id, coalesce(created_user_id, 0) as user_id, created_day as day, 1 as created, 0 as done, 0 as comments, 0 as hours
    from {{ ref('issue') }}
    where created_day is not null and not is_deleted {{ and_stale(project_week('created_day', 'created_project_id')) }}
    union all
    select space_key, done_project_id, coalesce(assignee_id, 0), done_day, 0, 1, 0, 0
    from {{ ref('issue') }}
    where done_day is not null and not is_deleted {{ and_stale(project_week('done_day', 'done_project_id')) }}
    union all
    select space_key, project_id, coalesce(user_id, 0), said_day, 0, 0, 1, 0
    from {{ ref('conversation') }}
    where not is_deleted {{ and_stale(project_week('said_day')) }}
    union all
    select space_key, project_id, coalesce(user_id, 0), work_date, 0, 0, 0, hours
    from {{ ref('hours_ledger') }}
    where not is_deleted {{ and_stale(project_week('work_date')) }}
)
select space_key, user_id, project_id, day, sum(created) as created, sum(done) as done, sum(comments) as comments, sum(hours) as hours
from events
group by space_key, user_id, project_id, day
