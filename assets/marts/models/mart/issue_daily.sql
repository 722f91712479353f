-- The state of each issue at the end of each day, from the day it was made to today. A view on issue_history: choose a day or a few.
{{ config(materialized='view') }}
select
    h.space_key,
    h.issue_id,
    h.project_id,
    h.project_key,
    h.issue_key,
    c.day,
    h.issue_type_id,
    h.issue_type,
    h.status_id,
    h.status,
    h.stage,
    h.priority_id,
    h.priority,
    h.assignee_id,
    h.assignee,
    h.start_date,
    h.due_date,
    coalesce(h.stage <> 'done' and h.due_date < c.day, false) as is_overdue,
    h.estimated_hours,
    h.actual_hours,
    h.milestone_ids,
    h.category_ids
from {{ ref('calendar') }} as c
join {{ ref('space_today') }} as t on t.space_key = c.space_key and c.day <= greatest(t.day, (now() at time zone t.timezone)::date)
join {{ ref('issue_history') }} as h
    on h.space_key = c.space_key and h.first_day <= c.day and (h.last_day >= c.day or h.last_day is null)
