{{ config(
    severity='warn',
    meta={
        'description':
            'Open issues, and milestones, whose start date is after the due date that counts: the start counts as'
            ' the due date.',
        'dagster': {'ref': {'name': 'issue_plan', 'package': 'backlog_elt'}},
    },
) }}
select space_key, project_key, issue_key as name, start_date, planned_due as due_date
from {{ ref('issue_plan') }}
where starts_after_due and stage <> 'done' and not is_deleted and not is_archived
union all
select space_key, project_key, milestone, start_date, due_date
from {{ ref('velocity') }}
where start_date > due_date and not archived and not is_deleted
