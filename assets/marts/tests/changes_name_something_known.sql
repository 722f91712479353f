{{ config(
    severity='warn',
    meta={
        'description':
            'Changes to a status, person, type, priority, milestone or category that resolves to nothing: the '
            'name is kept, the id is empty.',
        'dagster': {'ref': {'name': 'stg_issue_change', 'package': 'backlog_elt'}},
    },
) }}
select space_key, issue_id, field, changed_at, old_value, new_value
from {{ ref('stg_issue_change') }}
where not is_known
