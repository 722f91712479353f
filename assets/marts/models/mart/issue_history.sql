-- The state of an issue at the end of each day on which it changed (in the space's zone), and until which day that held; null while it
-- holds. Of several changes in a day the last counts.
with estimates as (
    {{ timeline(
        'estimated_hours',
        {'estimated_hours': [
            'i.estimated_hours', shown_number('c.old_value'), shown_number('c.new_value'), 'u.SIDE_value::numeric'
        ]}
    ) }}
),
hours as (
    {{ timeline(
        'actual_hours',
        {'actual_hours': ['i.actual_hours', shown_number('c.old_value'), shown_number('c.new_value'), 'u.SIDE_value::numeric']}
    ) }}
),
milestones as (
    {{ timeline(
        'milestone',
        {'milestone_ids': [
            'i.milestone_ids',
            "case when c.old_value is null then '{}' else c.old_ids end",
            "case when c.new_value is null then '{}' else coalesce(c.new_ids, u.old_value::bigint[]) end",
            'u.SIDE_value::bigint[]'
        ]}
    ) }}
),
points as (
    select v.space_key, v.issue_id, v.valid_from, v.position as status_at, null::bigint as assignee_at, null::bigint as due_at,
        null::bigint as estimate_at, null::bigint as hours_at, null::bigint as milestones_at
    from {{ ref('issue_status_interval') }} as v
    where true {{ and_targeted('v') }}
    union all
    select v.space_key, v.issue_id, v.valid_from, null, v.position, null, null, null, null
    from {{ ref('issue_assignee_interval') }} as v
    where true {{ and_targeted('v') }}
    union all
    select v.space_key, v.issue_id, v.valid_from, null, null, v.position, null, null, null
    from {{ ref('due_date') }} as v
    where true {{ and_targeted('v') }}
    union all
    select space_key, issue_id, valid_from, null, null, null, position, null, null
    from estimates
    union all
    select space_key, issue_id, valid_from, null, null, null, null, position, null
    from hours
    union all
    select space_key, issue_id, valid_from, null, null, null, null, null, position
    from milestones
),
days as (
    select
        p.space_key,
        p.issue_id,
        (greatest(p.valid_from, i.created_at) at time zone i.timezone)::date as first_day,
        max(p.status_at) as status_at,
        max(p.assignee_at) as assignee_at,
        max(p.due_at) as due_at,
        max(p.estimate_at) as estimate_at,
        max(p.hours_at) as hours_at,
        max(p.milestones_at) as milestones_at
    from points as p
    join {{ ref('stg_issue') }} as i on i.space_key = p.space_key and i.issue_id = p.issue_id
    group by 1, 2, 3
),
states as (
    select
        space_key,
        issue_id,
        first_day,
        lead(first_day) over following - 1 as last_day,
        max(status_at) over following as status_at,
        max(assignee_at) over following as assignee_at,
        max(due_at) over following as due_at,
        max(estimate_at) over following as estimate_at,
        max(hours_at) over following as hours_at,
        max(milestones_at) over following as milestones_at
    from days
    window following as (partition by space_key, issue_id order by first_day)
)
select
    h.space_key,
    h.issue_id,
    i.project_id,
    i.project_key,
    i.issue_key,
    h.first_day,
    -- An issue that is gone was there until the day before it was found gone.
    least(h.last_day, (i.deleted_at at time zone i.timezone)::date - 1) as last_day,
    s.status_id,
    -- What it is now goes by its name of today, as in `issue`.
    case when s.is_last then i.status else s.status end as status,
    s.stage,
    a.assignee_id,
    case when a.is_last then i.assignee else a.assignee end as assignee,
    d.due_date,
    e.estimated_hours,
    w.actual_hours,
    -- A list of which the history lacks an id counts as empty; the last one is today's, in the order of the source.
    case when m.valid_to is null then i.milestone_ids else coalesce(m.milestone_ids, '{}') end as milestone_ids
from states as h
join {{ ref('stg_issue') }} as i on i.space_key = h.space_key and i.issue_id = h.issue_id
join {{ ref('issue_status_interval') }} as s
    on s.space_key = h.space_key and s.issue_id = h.issue_id and s.position = h.status_at
join {{ ref('issue_assignee_interval') }} as a
    on a.space_key = h.space_key and a.issue_id = h.issue_id and a.position = h.assignee_at
join {{ ref('due_date') }} as d on d.space_key = h.space_key and d.issue_id = h.issue_id and d.position = h.due_at
join estimates as e on e.space_key = h.space_key and e.issue_id = h.issue_id and e.position = h.estimate_at
join hours as w on w.space_key = h.space_key and w.issue_id = h.issue_id and w.position = h.hours_at
join milestones as m on m.space_key = h.space_key and m.issue_id = h.issue_id and m.position = h.milestones_at
where i.deleted_at is null or h.first_day < (i.deleted_at at time zone i.timezone)::date
