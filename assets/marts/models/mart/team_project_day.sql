-- What the people of a team did in a project on a day, as members of that day: hours, throughput, comments. Who is in two teams counts
-- in both, so that each team has all of its people's work; who is in none counts for team 0.
{{ config(meta={'groups': project_week()}, post_hook=[
    "{{ names_of_today('team', source('raw', 'teams'), 'name', 'id', 'team_id') }}",
    "{{ names_of_today('project_key', source('raw', 'projects'), 'project_key', 'id', 'project_id') }}",
]) }}
select w.space_key, w.team_id, coalesce(t.name, '(no team)') as team, w.project_id, p.project_key, w.day, w.people, w.created, w.done, w.comments, w.hours
from (
    select
        d.space_key,
        coalesce(m.team_id, 0) as team_id,
        d.project_id,
        d.day,
        count(*) filter (where d.user_id <> 0) as people,
        sum(d.created)::bigint as created,
        sum(d.done)::bigint as done,
        sum(d.comments)::bigint as comments,
        sum(d.hours) as hours
    from {{ ref('person_project_day') }} as d
    left join {{ ref('team_membership') }} as m
        on m.space_key = d.space_key and m.user_id = d.user_id and m.first_day <= d.day and (m.last_day >= d.day or m.last_day is null)
    where true {{ and_stale("d.space_key, d.project_id, date_trunc('week', d.day::timestamp)::date") }}
    group by 1, 2, 3, 4
) as w
left join {{ source('raw', 'teams') }} as t on t.space_key = w.space_key and t.id = w.team_id
left join {{ source('raw', 'projects') }} as p on p.space_key = w.space_key and p.id = w.project_id
