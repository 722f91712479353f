-- On the day of the newest change every issue that is there has its one state, that of today.
{{ config(meta={'dagster': {'ref': {'name': 'issue_daily', 'package': 'backlog_elt'}}}) }}
select i.space_key, i.issue_id, i.issue_key, i.status, d.status as status_of_day, i.due_date, d.due_date as due_date_of_day
from {{ ref('issue') }} as i
join {{ ref('space_today') }} as t on t.space_key = i.space_key
left join {{ ref('issue_daily') }} as d on d.space_key = i.space_key and d.issue_id = i.issue_id and d.day = t.day
where not i.is_deleted
    and (
        d.issue_id is null
        or d.stage <> i.stage
        or d.due_date is distinct from i.due_date
        or coalesce(d.actual_hours, 0) <> coalesce(i.actual_hours, 0)
    )
