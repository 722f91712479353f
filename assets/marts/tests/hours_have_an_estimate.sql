{{ config(
    severity='warn',
    meta={
        'description':
            'Issues with actual hours and no estimate: nothing is planned for them, their hours count as actual, '
            'and not in CPI.',
        'dagster': {'ref': {'name': 'issue_plan', 'package': 'backlog_elt'}},
    },
) }}
select space_key, project_key, issue_id, issue_key, actual_hours
from {{ ref('issue_plan') }}
where actual_hours > 0 and estimated_hours is null and not is_deleted
