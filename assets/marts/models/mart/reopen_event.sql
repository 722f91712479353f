-- Each time an issue left the stage done.
{{ config(meta={'invalidates': {'throughput_weekly': [project_week('reopened_day')]}}) }}
with steps as (
    select
        *,
        lag(status) over following as status_before,
        max(valid_from) filter (where stage = 'done' and stage_before is distinct from 'done') over following as last_done_at
    from {{ ref('issue_status_interval') }} as v
    where true {{ and_targeted('v') }}
    window following as (partition by space_key, issue_id order by position)
)
select
    space_key,
    issue_id,
    project_id,
    issue_key,
    position,
    valid_from as reopened_at,
    from_day as reopened_day,
    changed_by_id as reopened_by_id,
    status_before as from_status,
    status as to_status,
    last_done_at as done_at,
    {{ seconds_between('last_done_at', 'valid_from') }} as seconds_done,
    is_deleted
from steps
where stage_before = 'done' and stage <> 'done'
