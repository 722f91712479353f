-- Changes of hours and days whose value is not a number or day: it counts as none.
{{ config(severity='warn', meta={'dagster': {'ref': {'name': 'stg_issue_change', 'package': 'backlog_elt'}}}) }}
select space_key, issue_id, field, changed_at, old_value, new_value
from {{ ref('stg_issue_change') }}
where
    (
        field in ('actual_hours', 'estimated_hours')
        and (
            old_value is not null and {{ shown_number('old_value') }} is null
            or new_value is not null and {{ shown_number('new_value') }} is null
        )
    ) or (
        field in ('start_date', 'due_date')
        and (
            old_value is not null and {{ shown_date('old_value') }} is null
            or new_value is not null and {{ shown_date('new_value') }} is null
        )
    )
