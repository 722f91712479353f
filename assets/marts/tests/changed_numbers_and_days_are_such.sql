{{ config(
    severity='warn',
    meta={
        'description':
            'Changes of hours and days whose value is not a number or day: it counts as none.',
        'dagster': {'ref': {'name': 'stg_issue_change', 'package': 'backlog_elt'}},
    },
) }}
select space_key, issue_id, field, changed_at, old_value, new_value
from {{ ref('stg_issue_change') }}
where not is_readable
