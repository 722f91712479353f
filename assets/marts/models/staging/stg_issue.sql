-- One row per issue, deleted ones too, with the names that its ids have now. An estimate of 0 is
-- none.
select
    i.space_key,
    i.id as issue_id,
    i.project_id,
    p.project_key,
    p.name as project_name,
    coalesce(p.archived, false) as is_archived,
    {{ key_of_today('i', 'p') }} as issue_key,
    i.summary,
    i.issue_type_id,
    coalesce(t.name, i.payload #>> '{issueType,name}') as issue_type,
    i.status_id,
    coalesce(s.name, i.payload #>> '{status,name}') as status,
    i.priority_id,
    coalesce(pr.name, i.payload #>> '{priority,name}') as priority,
    i.resolution_id,
    coalesce(r.name, i.payload #>> '{resolution,name}') as resolution,
    i.assignee_id,
    coalesce(a.name, i.payload #>> '{assignee,name}') as assignee,
    i.created_user_id,
    coalesce(c.name, i.payload #>> '{createdUser,name}') as created_by,
    i.parent_issue_id,
    i.start_date,
    i.due_date,
    nullif(i.estimated_hours, 0) as estimated_hours,
    i.actual_hours,
    {{ in_order_of_source('i.category_ids', 'category') }} as category_ids,
    {{ in_order_of_source('i.version_ids', 'versions') }} as version_ids,
    {{ in_order_of_source('i.milestone_ids', 'milestone') }} as milestone_ids,
    i.created_at,
    i.updated_at,
    i.deleted_at,
    coalesce(z.timezone, 'UTC') as timezone
-- Chosen first: the planner orders no more than eight joins.
from (select * from {{ source('raw', 'issues') }} as i where true {{ and_targeted('i', 'id') }}) as i
left join {{ source('raw', 'projects') }} as p on p.space_key = i.space_key and p.id = i.project_id
left join {{ source('raw', 'issue_types') }} as t on t.space_key = i.space_key and t.id = i.issue_type_id
left join {{ source('raw', 'statuses') }} as s
    on s.space_key = i.space_key and s.project_id = i.project_id and s.id = i.status_id
left join {{ source('raw', 'priorities') }} as pr on pr.space_key = i.space_key and pr.id = i.priority_id
left join {{ source('raw', 'resolutions') }} as r on r.space_key = i.space_key and r.id = i.resolution_id
left join {{ source('raw', 'users') }} as a on a.space_key = i.space_key and a.id = i.assignee_id
left join {{ source('raw', 'users') }} as c on c.space_key = i.space_key and c.id = i.created_user_id
left join {{ source('raw', 'space') }} as z on z.space_key = i.space_key
