-- Issues with actual hours and no estimate: nothing is planned for them, their hours count as actual, and not in the cost that CPI is made of.
{{ config(severity='warn', meta={'dagster': {'ref': {'name': 'issue_plan', 'package': 'backlog_elt'}}}) }}
select space_key, project_key, issue_id, issue_key, actual_hours
from {{ ref('issue_plan') }}
where actual_hours > 0 and coalesce(estimated_hours, 0) = 0 and not is_deleted
