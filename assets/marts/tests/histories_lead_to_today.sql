-- Values of today to which no change leads, as after a status was deleted with a substitute: they count from the last change on.
{{ config(severity='warn', meta={'dagster': {'ref': {'name': 'issue_status_interval', 'package': 'backlog_elt'}}}) }}
select space_key, issue_id, issue_key, 'status' as field, status as value, valid_from
from {{ ref('issue_status_interval') }}
where is_inferred
union all
select space_key, issue_id, issue_key, 'assignee', assignee, valid_from
from {{ ref('issue_assignee_interval') }}
where is_inferred
union all
select space_key, issue_id, issue_key, 'due date', due_date::text, valid_from
from {{ ref('due_date') }}
where is_inferred
