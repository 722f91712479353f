-- Each open issue at the moment of reading. Times go up to now, also where the last sync was before; wip_aging counts to the newest change
-- of the space instead. A view, so that it is never behind.
{{ config(materialized='view') }}
select
    i.space_key,
    i.issue_id,
    i.project_id,
    i.project_key,
    i.is_archived,
    i.issue_key,
    i.url,
    i.summary,
    i.issue_type_id,
    i.issue_type,
    i.priority_id,
    i.priority,
    i.milestone_ids,
    i.milestones,
    i.status_id,
    i.status,
    i.stage,
    i.status_since,
    {{ seconds_between('i.status_since', 'now()') }} as seconds_in_status,
    {{ worked_until('d0', 'now() at time zone t.timezone') }}
        - {{ worked_until('d1', 'i.status_since at time zone t.timezone') }} as working_seconds_in_status,
    i.assignee_id,
    i.assignee,
    i.assignee_since,
    {{ seconds_between('i.assignee_since', 'now()') }} as seconds_with_assignee,
    i.last_started_at,
    case when i.stage in ('active', 'review') then {{ seconds_between('i.last_started_at', 'now()') }} end as age_seconds,
    case
        when i.stage in ('active', 'review') then
            {{ worked_until('d0', 'now() at time zone t.timezone') }}
            - {{ worked_until('d2', 'i.last_started_at at time zone t.timezone') }}
    end as age_working_seconds,
    i.created_at,
    i.updated_at,
    i.last_comment_at,
    {{ seconds_between('i.last_comment_at', 'now()') }} as seconds_since_comment,
    i.start_date,
    i.due_date,
    {{ overdue('i.due_date', '(now() at time zone t.timezone)::date') }},
    i.milestone_due_date,
    {{ overdue('i.milestone_due_date', '(now() at time zone t.timezone)::date', 'milestone_overdue') }},
    i.estimated_hours,
    i.actual_hours,
    {{ remaining_hours('false', 'i.estimated_hours', 'i.actual_hours') }} as remaining_hours,
    h.updated_at is not null as history_complete,
    now() as read_at
from {{ ref('issue') }} as i
join {{ ref('space_today') }} as t on t.space_key = i.space_key
left join {{ ref('calendar') }} as d0 on d0.space_key = i.space_key and d0.day = (now() at time zone t.timezone)::date
left join {{ ref('calendar') }} as d1 on d1.space_key = i.space_key and d1.day = (i.status_since at time zone t.timezone)::date
left join {{ ref('calendar') }} as d2 on d2.space_key = i.space_key and d2.day = (i.last_started_at at time zone t.timezone)::date
left join {{ source('ops', 'issue_sync_state') }} as h on h.space_key = i.space_key and h.issue_id = i.issue_id
where i.stage <> 'done' and not i.is_deleted
