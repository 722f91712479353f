-- What each person did on a day (in the space's zone) in a project: issues made, issues done that are theirs, comments, hours. What no
-- record names a person for belongs to user 0, so that nothing is left out.
{{ config(meta={'groups': project_week(), 'invalidates': {
    'person_project_week': [project_week()], 'team_project_day': [project_week()]
}}, post_hook=[
    "{{ names_of_today('user_name', ref('dim_person'), 'user_name', 'user_id', 'user_id') }}",
    "{{ names_of_today('project_key', source('raw', 'projects'), 'project_key', 'id', 'project_id') }}",
]) }}
-- depends_on: {{ ref('team_membership') }}
-- It takes away the list of groups that this one writes to.
with events as (
    select
        space_key,
        created_project_id as project_id,
        coalesce(created_user_id, 0) as user_id,
        created_day as day,
        1 as created,
        0 as done,
        0 as comments,
        0 as hours
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
select d.space_key, d.user_id, u.user_name, d.project_id, p.project_key, d.day, d.created, d.done, d.comments, d.hours
from (
    select
        space_key,
        user_id,
        project_id,
        day,
        sum(created) as created,
        sum(done) as done,
        sum(comments) as comments,
        sum(hours) as hours
    from events
    group by space_key, user_id, project_id, day
) as d
left join {{ ref('dim_person') }} as u on u.space_key = d.space_key and u.user_id = d.user_id
left join {{ source('raw', 'projects') }} as p on p.space_key = d.space_key and p.id = d.project_id
