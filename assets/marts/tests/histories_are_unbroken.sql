-- Changes that begin with another value than the change before ended with: part of the history is missing. The later value counts.
{{ config(severity='warn', meta={'dagster': {'ref': {'name': 'stg_issue_change', 'package': 'backlog_elt'}}}) }}
select c.space_key, c.issue_id, c.field, c.changed_at, b.new_value as value_before, c.old_value
from {{ ref('stg_issue_change') }} as c
join {{ ref('stg_issue_change') }} as b
    on b.space_key = c.space_key and b.issue_id = c.issue_id and b.field = c.field and b.change_number = c.change_number - 1
where not c.follows_on and c.field in ('status', 'assignee', 'due_date', 'actual_hours', 'estimated_hours')
