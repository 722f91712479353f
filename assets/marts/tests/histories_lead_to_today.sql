{{ config(
    severity='warn',
    meta={
        'description':
            'Changes that no log has, as after a status was deleted with a substitute: they are dated by other '
            'evidence, and stay so. Those of issues whose comments are not all read are left out: the log may be '
            'among these.',
        'dagster': {'ref': {'name': 'stg_unlogged_change', 'package': 'backlog_elt'}},
    },
) }}
select
    u.space_key, u.issue_id, u.issue_key, u.field, coalesce(u.old_name, u.old_value) as old_value, coalesce(u.new_name, u.new_value) as value,
    u.changed_at, u.evidence
from {{ ref('stg_unlogged_change') }} as u
join {{ source('raw', 'issues') }} as i on i.space_key = u.space_key and i.id = u.issue_id
join {{ source('ops', 'issue_sync_state') }} as s
    on s.space_key = u.space_key and s.issue_id = u.issue_id and s.updated_at = coalesce(i.updated_at, i.created_at)
    and s.refetch_comments_from is null
