-- One row per change of one field that the source still tells of, numbered within issue and field.
select
    space_key,
    issue_id,
    project_id,
    comment_id,
    position,
    field,
    kind,
    created_at as changed_at,
    created_user_id as changed_by_id,
    old_value,
    new_value,
    old_id,
    new_id,
    row_number() over (
        partition by space_key, issue_id, field order by created_at, comment_id, position
    ) as change_number
from {{ source('raw', 'issue_changes') }}
where deleted_at is null
