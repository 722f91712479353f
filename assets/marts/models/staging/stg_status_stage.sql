-- The stage of each status that a project has, had or changed to, by name: the project's own line of the map, then that of all,
-- then the four built-in ids, then active.
with statuses as (
    select i.space_key, i.project_id, i.project_key, i.status, i.status_id
    from {{ ref('stg_issue') }} as i
    where i.status is not null
    union
    select c.space_key, c.project_id, p.project_key, v.status, v.status_id
    from {{ ref('stg_issue_change') }} as c
    left join {{ source('raw', 'projects') }} as p on p.space_key = c.space_key and p.id = c.project_id
    cross join lateral (values (c.old_value, c.old_id), (c.new_value, c.new_id)) as v (status, status_id)
    where c.field = 'status' and v.status is not null
    union
    select s.space_key, s.project_id, p.project_key, s.name, s.id
    from {{ source('raw', 'statuses') }} as s
    left join {{ source('raw', 'projects') }} as p on p.space_key = s.space_key and p.id = s.project_id
    where s.name is not null
),
by_name as (
    select space_key, project_id, project_key, status, min(status_id) as status_id
    from statuses
    group by space_key, project_id, project_key, status
)
select
    n.space_key,
    n.project_id,
    n.status,
    coalesce(
        own.stage, every.stage, case n.status_id when 1 then 'waiting' when 2 then 'active' when 3 then 'review' when 4 then 'done' end, 'active'
    ) as stage,
    own.stage is null and every.stage is null and (n.status_id is null or n.status_id not between 1 and 4) as is_guess
from by_name as n
left join {{ ref('status_map') }} as own on own.project_key = n.project_key and own.status = n.status
left join {{ ref('status_map') }} as every on coalesce(every.project_key, '') = '' and every.status = n.status
