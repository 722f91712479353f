-- Who had an issue from when to when; built as issue_status_interval is. Null: unassigned.
with intervals as (
    {{ timeline(
        'assignee',
        {
            'assignee': ['i.assignee', 'c.old_value', 'c.new_value', 'u.SIDE_name'],
            'assignee_id': ['i.assignee_id', 'c.old_id', id_after('assignee', 'assignee_id'), 'u.SIDE_value::bigint']
        }
    ) }}
)
select
    v.space_key,
    v.issue_id,
    i.project_id,
    i.issue_key,
    v.position,
    v.assignee_id,
    v.assignee,
    v.valid_from,
    v.valid_to,
    {{ seconds_between('v.valid_from', 'v.valid_to') }} as seconds,
    v.changed_by_id,
    v.is_inferred,
    v.valid_to is null as is_last,
    i.deleted_at is not null as is_deleted
from intervals as v
join {{ ref('stg_issue') }} as i on i.space_key = v.space_key and i.issue_id = v.issue_id
