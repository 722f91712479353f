{{ config(
    severity='warn',
    meta={
        'description':
            "Open issues with an estimate and neither a start nor a due date, their own or a milestone's: they "
            "are planned in the month in which they were made, in no week of the load to come, and in earned "
            "value they are planned when they are done.",
        'dagster': {'ref': {'name': 'issue_plan', 'package': 'backlog_elt'}},
    },
) }}
select space_key, project_key, issue_id, issue_key, remaining_hours
from {{ ref('issue_plan') }}
where stage <> 'done' and planned_start is null and planned_due is null and remaining_hours > 0 and not is_deleted and not is_archived
