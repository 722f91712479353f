{{ config(
    severity='warn',
    meta={
        'description':
            'Changes that begin with another value than the change before ended with: part of the history is '
            'missing. The later value counts.',
        'dagster': {'ref': {'name': 'stg_issue_change', 'package': 'backlog_elt'}},
    },
) }}
select space_key, issue_id, field, changed_at, value_before, old_value
from {{ ref('stg_issue_change') }}
where not follows_on and field in ('status', 'assignee', 'due_date', 'actual_hours', 'estimated_hours')
