-- A bar for each issue: from when to when, how far it is, what it hangs on, whether it is overdue
-- today, and how often its due date was moved. A view: choose a project.
{{ config(materialized='view') }}
with bars as (
    select
        i.*,
        p.planned_start,
        p.planned_due,
        p.due_from,
        p.first_due_date,
        p.due_moves,
        p.due_moves_later,
        p.days_moved,
        p.remaining_hours,
        p.created_on,
        greatest(t.day, (now() at time zone t.timezone)::date) as today,
        (i.first_started_at at time zone t.timezone)::date as started_on,
        (i.done_at at time zone t.timezone)::date as done_on
    from {{ ref('issue') }} as i
    join {{ ref('issue_plan') }} as p on p.space_key = i.space_key and p.issue_id = i.issue_id
    join {{ ref('space_today') }} as t on t.space_key = i.space_key
    where not i.is_deleted
),
-- It begins on the first of these days that is not after its end: work that was begun or made only
-- after its due date ends when it was done, or today, so that no bar ends where it begins for that.
ended as (
    select
        *,
        coalesce(planned_due, done_on, greatest(today, planned_start)) as due_end,
        least(created_on, done_on) as made_on
    from bars
),
begun as (
    select
        *,
        case
            when planned_start <= due_end then 'start date'
            when started_on <= due_end then 'started'
            else 'created'
        end as start_from,
        case
            when planned_start <= due_end or started_on <= due_end or made_on <= due_end
                then due_end
            else greatest(coalesce(done_on, today), made_on)
        end as bar_end
    from ended
)
select
    b.space_key,
    b.project_id,
    b.project_key,
    b.is_archived,
    b.issue_id,
    b.issue_key,
    b.url,
    b.summary,
    b.issue_type_id,
    b.issue_type,
    b.status_id,
    b.status,
    b.stage,
    b.assignee_id,
    b.assignee,
    b.milestone_ids,
    b.milestones,
    r.parent_issue_id,
    case when r.parent_issue_id is not null then b.parent_issue_key end as parent_issue_key,
    coalesce(r.root_issue_id, b.issue_id) as root_issue_id,
    coalesce(r.depth, 0) as depth,
    coalesce(r.children, 0) as children,
    case b.start_from
        when 'start date' then b.planned_start
        when 'started' then b.started_on
        else b.made_on
    end as bar_start,
    b.bar_end,
    b.start_from,
    case
        when b.planned_due = b.bar_end then b.due_from
        when b.done_on is not null then 'done'
        else 'today'
    end as end_from,
    b.started_on,
    b.done_on,
    case
        when b.stage = 'done' then 1
        when r.descendants > 0 then coalesce(r.progress_hours, r.progress_issues)
        when b.estimated_hours > 0 and b.actual_hours > 0 then round(least(b.actual_hours / b.estimated_hours, 0.9), 4)
        when b.stage = 'waiting' then 0
        else 0.5
    end as progress,
    b.estimated_hours,
    b.actual_hours,
    b.remaining_hours,
    {{ overdue("case when b.stage <> 'done' then b.due_date end", 'b.today') }},
    {{ overdue("case when b.stage <> 'done' then b.milestone_due_date end", 'b.today', 'milestone_overdue') }},
    b.was_late,
    case when b.was_late is not null then greatest(b.done_on - b.due_date, 0) end as days_done_late,
    b.first_due_date,
    b.due_moves,
    b.due_moves_later,
    b.days_moved,
    case when u.planned_due is not null then greatest(b.bar_end - u.planned_due, 0) end as days_after_parent
from begun as b
left join {{ ref('issue_tree') }} as r on r.space_key = b.space_key and r.issue_id = b.issue_id
left join {{ ref('issue_plan') }} as u on u.space_key = b.space_key and u.issue_id = r.parent_issue_id
