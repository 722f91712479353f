{{ config(
    severity='warn',
    meta={
        'description':
            'Milestones with issues, or of today, without a start or due date: without a start the day of the '
            'first issue counts, without a due date today while issues of it are open, else its last change.',
        'dagster': {'ref': {'name': 'velocity', 'package': 'backlog_elt'}},
    },
) }}
select space_key, project_key, milestone_id, milestone, start_date, due_date, committed, added
from {{ ref('velocity') }}
where (start_date is null or due_date is null) and not archived and not is_deleted and committed + added > 0
