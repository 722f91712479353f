-- On the day of the newest change every issue that is there has its one state, that of today.
{{ config(meta={'dagster': {'ref': {'name': 'issue_history', 'package': 'backlog_elt'}}}) }}
select i.space_key, i.issue_id, i.issue_key, i.stage, h.stage as stage_of_day, i.due_date, h.due_date as due_date_of_day
from {{ ref('issue') }} as i
join {{ ref('space_today') }} as t on t.space_key = i.space_key
left join {{ ref('issue_history') }} as h
    on h.space_key = i.space_key and h.issue_id = i.issue_id and h.first_day <= t.day and coalesce(h.last_day >= t.day, true)
where not i.is_deleted
    and (
        h.issue_id is null
        or h.stage <> i.stage
        or h.due_date is distinct from i.due_date
        or coalesce(h.actual_hours, 0) <> coalesce(i.actual_hours, 0)
    )
