-- The hours that a person has for a project on each working day, where capacity.csv has a line for it: never more than all hours of the
-- person. A view: choose days.
{{ config(materialized='view') }}
select
    c.space_key,
    c.user_id,
    c.user_name,
    p.project_id,
    j.project_key,
    c.day,
    c.week,
    c.month,
    least(coalesce(p.hours_per_day, round(p.share * c.hours, 4)), c.hours) as hours,
    c.has_come,
    c.is_to_come
from {{ ref('capacity') }} as c
join {{ ref('capacity_period') }} as p
    on p.space_key = c.space_key and p.user_id = c.user_id and p.project_id <> 0 and c.day between p.from_day and p.to_day
left join {{ source('raw', 'projects') }} as j on j.space_key = p.space_key and j.id = p.project_id
