-- One row per team: what its people of now have, and what its people of each day have done. Who is in two teams counts in both; team 0
-- has what is unassigned, and the people who are in no team.
with teams as (
    select space_key, id as team_id, name as team, deleted_at is not null as is_deleted
    from {{ source('raw', 'teams') }}
    union all
    select space_key, 0, '(no team)', false
    from {{ source('raw', 'space') }}
),
loads as (
    select
        space_key,
        coalesce(assignee_id, 0) as user_id,
        count(*) filter (where stage <> 'done' and not is_archived) as open_issues,
        count(*) filter (where stage in ('active', 'review') and not is_archived) as active_issues,
        count(*) filter (where stage = 'done') as done_issues,
        sum({{ remaining_hours('false', 'estimated_hours', 'actual_hours') }})
            filter (where stage <> 'done' and not is_archived) as remaining_hours
    from {{ ref('issue') }}
    where not is_deleted
    group by space_key, coalesce(assignee_id, 0)
),
now_there as (
    select
        m.space_key,
        m.team_id,
        count(*) filter (where m.user_id <> 0 and not p.is_deleted) as people,
        sum(l.open_issues)::bigint as open_issues,
        sum(l.active_issues)::bigint as active_issues,
        sum(l.done_issues)::bigint as done_issues,
        sum(l.remaining_hours) as remaining_hours
    from {{ ref('team_member') }} as m
    join {{ ref('dim_person') }} as p on p.space_key = m.space_key and p.user_id = m.user_id
    left join loads as l on l.space_key = m.space_key and l.user_id = m.user_id
    group by m.space_key, m.team_id
),
work as (
    select
        space_key,
        team_id,
        sum(created)::bigint as created,
        sum(done)::bigint as done,
        sum(comments)::bigint as comments,
        sum(hours) as hours
    from {{ ref('team_project_day') }}
    group by space_key, team_id
)
select
    t.space_key,
    t.team_id,
    t.team,
    t.is_deleted,
    coalesce(n.people, 0) as people,
    coalesce(n.open_issues, 0) as open_issues,
    coalesce(n.active_issues, 0) as active_issues,
    coalesce(n.done_issues, 0) as done_issues,
    coalesce(n.remaining_hours, 0) as remaining_hours,
    coalesce(w.created, 0) as created,
    coalesce(w.done, 0) as done,
    coalesce(w.comments, 0) as comments,
    coalesce(w.hours, 0) as hours
from teams as t
left join now_there as n on n.space_key = t.space_key and n.team_id = t.team_id
left join work as w on w.space_key = t.space_key and w.team_id = t.team_id
