-- The hours that are left of each person's open issues, laid on the weeks to come, from today (the day of the newest change) on: spread
-- evenly over the working days from the start (at the earliest today) to the due date; where the due date has no working day before it, on
-- the next one. Work whose due date has passed, or that has a start and no due date, takes as many whole working days from then on as it needs. Work
-- without a date is in no week: the first week says how much it is.
{{ config(pre_hook="{{ hashed() }}") }}
with days as materialized (
    {{ numbered_days() }}
),
weeks as (
    select d.space_key, d.week, min(d.worked_before) as worked_before, max(d.worked) as worked
    from days as d
    join {{ ref('space_today') }} as t on t.space_key = d.space_key
    group by d.space_key, d.week
    having max(d.day) >= min(t.day)
),
-- Each working day by its number, and the hours of a whole one.
working as (
    select space_key, worked, week, working_seconds / 3600.0 as hours
    from days
    where is_working_day and working_seconds > 0
),
today as (
    select d.space_key, d.day, d.week, d.worked_before, d.last_day, max(d2.worked) as last_worked
    from {{ ref('space_today') }} as t
    join days as d on d.space_key = t.space_key and d.day = t.day
    join days as d2 on d2.space_key = d.space_key
    group by d.space_key, d.day, d.week, d.worked_before, d.last_day
),
-- Materialized, so that the days are looked up by space and day at once: the planner does not know how many rows it has before it.
dated as materialized (
    select
        p.space_key,
        p.issue_id,
        p.project_id,
        coalesce(p.assignee_id, 0) as user_id,
        coalesce(p.remaining_hours, 0) as hours,
        p.estimated_hours is null as is_unestimated,
        coalesce(i.due_date < t.day, false) as is_overdue,
        coalesce(i.milestone_due_date < t.day, false) as is_milestone_overdue,
        p.planned_start is null and p.planned_due is null as is_undated,
        p.planned_due is null or p.planned_due < t.day as is_filled,
        least(greatest(p.planned_start, t.day), t.last_day) as from_day,
        case when p.planned_due >= t.day then least(p.planned_due, t.last_day) end as to_day,
        t.week as this_week,
        t.last_worked
    from {{ ref('issue_plan') }} as p
    join {{ ref('issue') }} as i on i.space_key = p.space_key and i.issue_id = p.issue_id
    join today as t on t.space_key = p.space_key
    where p.stage <> 'done' and not p.is_deleted
),
open_issues as materialized (
    select
        p.*,
        -- The number of the working day before the first one: there is one after it.
        least(d1.worked_before, p.last_worked - 1) as worked_before,
        d2.worked as worked
    from dated as p
    join days as d1 on d1.space_key = p.space_key and d1.day = p.from_day
    left join days as d2 on d2.space_key = p.space_key and d2.day = p.to_day
),
spans as materialized (
    select
        o.*,
        w1.week as first_week,
        least(
            o.last_worked,
            case
                when o.is_filled then o.worked_before + greatest(ceil(o.hours / w1.hours), 1)::int
                else greatest(o.worked, o.worked_before + 1)
            end
        ) as worked_to
    from open_issues as o
    left join working as w1 on w1.space_key = o.space_key and w1.worked = o.worked_before + 1
),
-- Materialized for the same reason, now with the week.
weekly as materialized (
    select s.*, g.week::date as week
    from spans as s
    join working as w2 on w2.space_key = s.space_key and w2.worked = s.worked_to
    cross join lateral generate_series(s.first_week::timestamp, w2.week, interval '7 days') as g (week)
    where not s.is_undated and s.hours > 0
),
laid as (
    select
        s.space_key,
        s.user_id,
        s.project_id,
        k.week,
        s.hours * (least(s.worked_to, k.worked) - greatest(s.worked_before, k.worked_before)) / (s.worked_to - s.worked_before) as hours,
        s.is_overdue,
        s.is_milestone_overdue,
        1 as issues,
        0 as undated_hours,
        0 as undated_issues,
        0 as unestimated_issues
    from weekly as s
    join weeks as k on k.space_key = s.space_key and k.week = s.week
    where least(s.worked_to, k.worked) > greatest(s.worked_before, k.worked_before)
    union all
    -- A line for the first week of everyone who has open issues, with what cannot be laid on a day.
    select space_key, user_id, project_id, this_week, 0, false, false, 0, case when is_undated then hours else 0 end, is_undated::int,
        is_unestimated::int
    from open_issues
),
sums as (
    select
        space_key,
        user_id,
        project_id,
        week,
        round(sum(hours), 4) as hours,
        round(coalesce(sum(hours) filter (where is_overdue), 0), 4) as overdue_hours,
        round(coalesce(sum(hours) filter (where is_milestone_overdue), 0), 4) as milestone_overdue_hours,
        sum(issues) as issues,
        sum(undated_hours) as undated_hours,
        sum(undated_issues) as undated_issues,
        sum(unestimated_issues) as unestimated_issues
    from laid
    group by space_key, user_id, project_id, week
),
capacity as (
    select space_key, user_id, week, sum(hours) as hours
    from {{ ref('capacity') }}
    where is_to_come
    group by space_key, user_id, week
)
select
    s.space_key,
    s.user_id,
    u.user_name,
    s.project_id,
    p.project_key,
    coalesce(p.archived, false) as is_archived,
    s.week,
    s.hours,
    s.overdue_hours,
    s.milestone_overdue_hours,
    s.issues,
    case when s.user_id <> 0 then coalesce(c.hours, 0) end as capacity_hours,
    round(s.hours / nullif(c.hours, 0), 4) as utilisation,
    s.undated_hours,
    s.undated_issues,
    s.unestimated_issues
from sums as s
left join capacity as c on c.space_key = s.space_key and c.user_id = s.user_id and c.week = s.week
left join {{ ref('dim_person') }} as u on u.space_key = s.space_key and u.user_id = s.user_id
left join {{ source('raw', 'projects') }} as p on p.space_key = s.space_key and p.id = s.project_id
