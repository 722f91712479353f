-- Issues that were made, finished and reopened, by project and week (Monday to Sunday, in the space's zone).
with events as (
    select space_key, project_id, created_day as day, 'created' as what from {{ ref('issue') }} where not is_deleted
    union all
    select space_key, project_id, done_day, 'done' from {{ ref('issue') }} where done_day is not null and not is_deleted
    union all
    select r.space_key, r.project_id, (r.reopened_at at time zone coalesce(z.timezone, 'UTC'))::date, 'reopened'
    from {{ ref('reopen_event') }} as r
    left join {{ source('raw', 'space') }} as z on z.space_key = r.space_key
    where not r.is_deleted
)
select
    e.space_key,
    e.project_id,
    p.project_key,
    date_trunc('week', e.day::timestamp)::date as week,
    count(*) filter (where e.what = 'created') as created,
    count(*) filter (where e.what = 'done') as done,
    count(*) filter (where e.what = 'reopened') as reopened
from events as e
left join {{ source('raw', 'projects') }} as p on p.space_key = e.space_key and p.id = e.project_id
group by 1, 2, 3, 4
