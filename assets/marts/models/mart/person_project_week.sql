-- What each person did in a project in a week (Monday to Sunday, in the space's zone): issues made, issues done that are theirs,
-- comments, hours.
{{ config(meta={'groups': 'space_key, project_id, week', 'invalidates': {
    'user_workload_weekly': ['space_key, user_id, week'], 'throughput_weekly': ['space_key, project_id, week']
}}, post_hook=[
    "{{ names_of_today('user_name', ref('dim_person'), 'user_name', 'user_id', 'user_id') }}",
    "{{ names_of_today('project_key', source('raw', 'projects'), 'project_key', 'id', 'project_id') }}",
]) }}
select w.space_key, w.user_id, u.user_name, w.project_id, p.project_key, w.week, w.created, w.done, w.comments, w.hours
from (
    select
        space_key,
        user_id,
        project_id,
        date_trunc('week', day::timestamp)::date as week,
        sum(created)::bigint as created,
        sum(done)::bigint as done,
        sum(comments)::bigint as comments,
        sum(hours) as hours
    from {{ ref('person_project_day') }}
    where true {{ and_stale(project_week()) }}
    group by 1, 2, 3, 4
) as w
left join {{ ref('dim_person') }} as u on u.space_key = w.space_key and u.user_id = w.user_id
left join {{ source('raw', 'projects') }} as p on p.space_key = w.space_key and p.id = w.project_id
