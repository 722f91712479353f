-- One row per milestone: its issues by stage, its hours, its days.
select
    v.space_key,
    v.id as milestone_id,
    v.project_id,
    p.project_key,
    coalesce(p.archived, false) as is_archived,
    v.name as milestone,
    v.start_date,
    v.release_due_date as due_date,
    v.archived,
    v.deleted_at is not null as is_deleted,
    count(i.issue_id) as issues,
    count(i.issue_id) filter (where i.stage = 'done') as done,
    count(i.issue_id) filter (where i.stage in ('active', 'review')) as in_progress,
    coalesce(sum(i.estimated_hours), 0) as estimated_hours,
    coalesce(sum(i.actual_hours), 0) as actual_hours,
    coalesce(sum({{ remaining_hours("i.stage = 'done'", 'i.estimated_hours', 'i.actual_hours') }}), 0) as remaining_hours,
    max(i.done_at) as last_done_at
from {{ source('raw', 'versions') }} as v
left join {{ source('raw', 'projects') }} as p on p.space_key = v.space_key and p.id = v.project_id
left join (
    select m.space_key, m.milestone_id, i.project_id, i.issue_id, i.stage, i.estimated_hours, i.actual_hours, i.done_at
    from {{ ref('issue_milestone') }} as m
    join {{ ref('issue') }} as i on i.space_key = m.space_key and i.issue_id = m.issue_id
    where not i.is_deleted
) as i on i.space_key = v.space_key and i.milestone_id = v.id and i.project_id = v.project_id
group by v.space_key, v.id, v.project_id, p.project_key, p.archived, v.name, v.start_date, v.release_due_date, v.archived, v.deleted_at
