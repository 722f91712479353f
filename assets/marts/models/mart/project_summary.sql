-- One row per project: its issues by stage, its hours, and how fast it finishes.
select
    p.space_key,
    p.id as project_id,
    p.project_key,
    p.name as project_name,
    coalesce(p.archived, false) as is_archived,
    p.deleted_at is not null as is_deleted,
    count(i.issue_id) as issues,
    count(i.issue_id) filter (where i.stage = 'waiting') as waiting,
    count(i.issue_id) filter (where i.stage = 'active') as active,
    count(i.issue_id) filter (where i.stage = 'review') as review,
    count(i.issue_id) filter (where i.stage = 'done') as done,
    coalesce(sum(i.estimated_hours), 0) as estimated_hours,
    coalesce(sum(i.actual_hours), 0) as actual_hours,
    coalesce(sum({{ remaining_hours("i.stage = 'done'", 'i.estimated_hours', 'i.actual_hours') }}), 0) as remaining_hours,
    percentile_cont(0.5) within group (order by i.lead_seconds) as lead_seconds_median,
    percentile_cont(0.85) within group (order by i.lead_seconds) as lead_seconds_p85,
    percentile_cont(0.5) within group (order by i.cycle_seconds) as cycle_seconds_median,
    percentile_cont(0.85) within group (order by i.cycle_seconds) as cycle_seconds_p85,
    min(i.created_at) as first_created_at,
    max(i.updated_at) as last_updated_at
from {{ source('raw', 'projects') }} as p
left join {{ ref('issue') }} as i on i.space_key = p.space_key and i.project_id = p.id and not i.is_deleted
group by p.space_key, p.id, p.project_key, p.name, p.archived, p.deleted_at
