-- Open issues whose start or due date lies outside the calendar: its first or last day counts.
{{ config(severity='warn', meta={'dagster': {'ref': {'name': 'issue_plan', 'package': 'backlog_elt'}}}) }}
select p.space_key, p.project_key, p.issue_key, p.start_date, p.due_date, c.first_day, c.last_day
from {{ ref('issue_plan') }} as p
join (
    select space_key, min(day) as first_day, max(day) as last_day from {{ ref('calendar') }} group by space_key
) as c on c.space_key = p.space_key
where p.stage <> 'done' and not p.is_deleted
    and (p.planned_start not between c.first_day and c.last_day or p.planned_due not between c.first_day and c.last_day)
