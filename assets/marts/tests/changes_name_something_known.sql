-- Changes to a status, person, type, priority, milestone or category that resolves to nothing: the name is kept, the id is empty.
{{ config(severity='warn', meta={'dagster': {'ref': {'name': 'stg_issue_change', 'package': 'backlog_elt'}}}) }}
select space_key, issue_id, field, changed_at, old_value, new_value
from {{ ref('stg_issue_change') }}
where
    (
        field in ('status', 'assignee', 'issue_type', 'priority')
        and (old_value is not null and old_id is null or new_value is not null and new_id is null)
    ) or (
        field in ('milestone', 'category')
        and (old_value is not null and old_ids is null or new_value is not null and new_ids is null)
    )
