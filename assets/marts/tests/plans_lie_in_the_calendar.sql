{{ config(
    severity='warn',
    meta={
        'description':
            "Open issues whose start or due date, their own or a milestone's, lies outside the calendar: its "
            "first or last day counts.",
        'dagster': {'ref': {'name': 'issue_plan', 'package': 'backlog_elt'}},
    },
) }}
select space_key, project_key, issue_key, start_date, due_date, planned_start, planned_due
from {{ ref('issue_plan') }}
where is_outside_calendar and stage <> 'done' and not is_deleted
