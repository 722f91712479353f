-- Times in which a person has other hours than the calendar, for all work (project 0) or for a project: those of the last line of
-- capacity.csv that is for a day. The times of one person and project do not overlap.
with lines as (
    select
        space_key,
        user_id,
        coalesce(project_id, 0) as project_id,
        line,
        coalesce(from_day, '-infinity') as from_day,
        coalesce(to_day, 'infinity') as to_day,
        hours_per_day,
        share
    from {{ ref('capacity_line') }}
    where user_id is not null and (project_key is null or project_id is not null)
),
-- Days on which a line begins, or the next one after it has ended.
steps as (
    select space_key, user_id, project_id, from_day as day
    from lines
    union
    select space_key, user_id, project_id, to_day + 1
    from lines
    where to_day <> 'infinity'
),
periods as (
    select
        space_key,
        user_id,
        project_id,
        day as from_day,
        coalesce(lead(day) over (partition by space_key, user_id, project_id order by day) - 1, 'infinity') as to_day
    from steps
)
select p.space_key, p.user_id, p.project_id, p.from_day, p.to_day, l.line, l.hours_per_day, l.share
from periods as p
cross join lateral (
    select o.line, o.hours_per_day, o.share
    from lines as o
    where o.space_key = p.space_key and o.user_id = p.user_id and o.project_id = p.project_id
        and p.from_day between o.from_day and o.to_day
    order by o.line desc
    limit 1
) as l
