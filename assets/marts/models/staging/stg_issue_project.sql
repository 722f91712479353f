-- Issues that have moved to another project: one row for each project that they were in, from when
-- to when. All other issues were always in the one that they are in now, and so was an issue before
-- the first load saw it. A load has seen each move between two versions of the issue, and has dated
-- it then (`ops.observed_changes`). Of a project that the issue has left, the row has its type and
-- categories there. Read from the raw tables, since it also says which issues are changed.
{{ config(post_hook='analyze {{ this }}') }}
with seen as (
    select
        space_key,
        issue_id,
        min(id) as id,
        max(old_value) filter (where field = 'project')::bigint as project_id,
        max(old_value) filter (where field = 'issue_type')::bigint as issue_type_id,
        max(old_value) filter (where field = 'category')::bigint[] as category_ids,
        max(changed_at) filter (where field = 'project') as changed_at
    from {{ source('ops', 'observed_changes') }}
    where field in ('project', 'issue_type', 'category')
    group by space_key, issue_id, updated_before, updated_at, run_id
),
moves as (
    select *, max(changed_at) over (partition by space_key, issue_id order by id) as moved_at
    from seen
    where project_id is not null
),
stays as (
    select
        space_key,
        issue_id,
        id,
        project_id,
        issue_type_id,
        coalesce(category_ids, '{}') as category_ids,
        coalesce(lag(moved_at) over following, '-infinity') as valid_from,
        moved_at as valid_to
    from moves
    window following as (partition by space_key, issue_id order by id)
    union all
    select i.space_key, i.id, null, i.project_id, null, null, max(m.moved_at), null
    from moves as m
    join {{ source('raw', 'issues') }} as i on i.space_key = m.space_key and i.id = m.issue_id
    group by i.space_key, i.id
)
select
    s.space_key,
    s.issue_id,
    row_number() over following - 1 as position,
    s.project_id,
    p.project_key,
    s.issue_type_id,
    t.name as issue_type,
    s.category_ids,
    s.valid_from,
    s.valid_to
from stays as s
left join {{ source('raw', 'projects') }} as p on p.space_key = s.space_key and p.id = s.project_id
left join {{ source('raw', 'issue_types') }} as t
    on t.space_key = s.space_key and t.id = s.issue_type_id
window following as (partition by s.space_key, s.issue_id order by s.id nulls last)
