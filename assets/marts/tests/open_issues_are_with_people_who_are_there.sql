{{ config(
    severity='warn',
    meta={
        'description':
            'Open issues whose assignee is deleted or not known: they keep the id, and the name that the issue '
            'has.',
        'dagster': {'ref': {'name': 'issue', 'package': 'backlog_elt'}},
    },
) }}
select i.space_key, i.issue_id, i.issue_key, i.assignee_id, i.assignee
from {{ ref('issue') }} as i
left join {{ source('raw', 'users') }} as u on u.space_key = i.space_key and u.id = i.assignee_id
where i.stage <> 'done' and not i.is_deleted and not i.is_archived and i.assignee_id is not null and (u.id is null or u.deleted_at is not null)
