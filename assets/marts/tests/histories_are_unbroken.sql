-- Changes that begin with another value than the change before ended with: part of the history is missing. The later value counts.
{{ config(severity='warn', meta={'dagster': {'ref': {'name': 'stg_issue_change', 'package': 'backlog_elt'}}}) }}
select space_key, issue_id, field, changed_at, value_before, old_value
from (
    select
        *,
        lag(new_value) over following as value_before,
        lag(new_id) over following as id_before
    from {{ ref('stg_issue_change') }}
    where field in ('status', 'assignee', 'due_date', 'actual_hours', 'estimated_hours')
    window following as (partition by space_key, issue_id, field order by change_number)
) as c
where change_number > 1
    and value_before is distinct from old_value
    -- The same under another name.
    and (id_before is null or id_before is distinct from old_id)
