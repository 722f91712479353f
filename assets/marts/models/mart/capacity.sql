-- The hours that each person has for work on each working day: those of capacity.csv, else the working hours of the calendar. From the
-- first day on which they did something, of who has only open issues from today on; of who is gone to the last such day. A view: choose
-- days.
{{ config(materialized='view') }}
select
    u.space_key,
    u.user_id,
    u.user_name,
    c.day,
    c.week,
    c.month,
    coalesce(p.hours_per_day, round(coalesce(p.share, 1) * c.working_seconds / 3600, 4)) as hours,
    c.day <= t.day as has_come,
    c.day >= t.day as is_to_come
from {{ ref('user_summary') }} as u
join {{ ref('space_today') }} as t on t.space_key = u.space_key
join {{ ref('calendar') }} as c
    on c.space_key = u.space_key and c.is_working_day and c.day >= coalesce(u.first_day, t.day)
        and (c.day <= u.last_day or not u.is_deleted)
left join {{ ref('capacity_period') }} as p
    on p.space_key = u.space_key and p.user_id = u.user_id and p.project_id = 0 and c.day between p.from_day and p.to_day
where u.user_id <> 0 and (u.first_day is not null or u.open_issues > 0 and not u.is_deleted)
