-- One row per change of one field that the source still has, or that went with its issue, numbered within issue and field.
select
    c.space_key,
    c.issue_id,
    c.project_id,
    c.comment_id,
    c.position,
    c.field,
    c.kind,
    c.created_at as changed_at,
    c.created_user_id as changed_by_id,
    c.old_value,
    c.new_value,
    c.old_id,
    c.new_id,
    c.old_ids,
    c.new_ids,
    row_number() over following as change_number,
    lead(c.comment_id) over following is null as is_last_change,
    -- By its value, or by its id under another name.
    case
        when lag(c.comment_id) over following is not null then
            c.old_value is not distinct from lag(c.new_value) over following
            or coalesce(c.old_id = lag(c.new_id) over following, false)
    end as follows_on
from {{ source('raw', 'issue_changes') }} as c
where {{ is_reported('c') }} {{ and_targeted('c') }}
window following as (partition by c.space_key, c.issue_id, c.field order by c.created_at, c.comment_id, c.position)
