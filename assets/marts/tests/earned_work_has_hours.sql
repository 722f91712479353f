{{ config(
    severity='warn',
    meta={
        'description':
            'Done issues with an estimate and without hours: they are earned at no cost, so CPI leaves them out. '
            'Where they are more than a fifth of what is earned, it is not reliable.',
        'dagster': {'ref': {'name': 'issue_plan', 'package': 'backlog_elt'}},
    },
) }}
select space_key, project_key, issue_id, issue_key, estimated_hours
from {{ ref('issue_plan') }}
where stage = 'done' and estimated_hours > 0 and coalesce(actual_hours, 0) <= 0 and not is_deleted
