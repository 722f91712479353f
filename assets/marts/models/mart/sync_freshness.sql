-- How far each project is synced and when it was last proven equal. A view, so that it is never behind.
{{ config(materialized='view') }}
select
    p.space_key,
    p.id as project_id,
    p.project_key,
    s.watermark,
    s.last_success_at,
    s.last_error,
    (select max(i.updated_at) from {{ source('raw', 'issues') }} as i where i.space_key = p.space_key and i.project_id = p.id)
        as newest_change_at,
    (select max(i.loaded_at) from {{ source('raw', 'issues') }} as i where i.space_key = p.space_key and i.project_id = p.id)
        as newest_row_at,
    v.checked_at as verified_at,
    v.how as verified_how,
    v.equal as is_equal,
    v.differences
from {{ source('raw', 'projects') }} as p
left join {{ source('ops', 'sync_state') }} as s
    on s.space_key = p.space_key and s.scope = 'issues' and s.project_id = p.id
left join lateral (
    select c.checked_at, c.how, c.equal, c.differences
    from {{ source('ops', 'verifications') }} as c
    where c.space_key = p.space_key and c.project_id = p.id
    order by c.checked_at desc, c.id desc
    limit 1
) as v on true
where p.deleted_at is null
