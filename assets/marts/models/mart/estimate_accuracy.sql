-- Done issues that have both an estimate and actual hours: how far off the estimate was.
select
    i.space_key,
    i.issue_id,
    i.project_id,
    i.project_key,
    i.issue_key,
    i.issue_type_id,
    i.issue_type,
    i.assignee_id,
    i.assignee,
    i.done_at,
    i.done_day,
    i.estimated_hours,
    i.actual_hours,
    i.hours_variance,
    i.actual_hours / i.estimated_hours as ratio
from {{ ref('issue') }} as i
where i.done_at is not null and not i.is_deleted and i.estimated_hours is not null and i.actual_hours is not null {{ and_targeted('i') }}
