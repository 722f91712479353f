-- Planned and actual hours of each issue by month, person and milestone (0: none); plan_actual_monthly adds them up. Planned: the estimate,
-- spread evenly over the working days from its start to its due date; with one of the two, or with no working day between them, in the month
-- of that day; without a date in the month in which the issue was made. They are the assignee's. Actual: the ledger of hours, of who entered
-- them. An issue with several milestones counts for each with an equal share, so that all rows add up.
{{ config(pre_hook="{{ hashed() }}", meta={'invalidates': {'plan_actual_monthly': ['space_key, project_id, month']}}) }}
with days as materialized (
    {{ numbered_days() }}
),
months as (
    select space_key, month, min(worked_before) as worked_before, max(worked) as worked
    from days
    group by space_key, month
),
-- Materialized, so that the days are looked up by space and day at once: the planner does not know how many rows it has before it.
dated as materialized (
    select
        p.space_key,
        p.issue_id,
        p.project_id,
        coalesce(p.assignee_id, 0) as user_id,
        p.estimated_hours,
        date_trunc('month', coalesce(p.planned_due, p.planned_start, p.created_on))::date as month,
        p.planned_start as from_day,
        p.planned_due as to_day
    from {{ ref('issue_plan') }} as p
    where not p.is_deleted and p.estimated_hours > 0 {{ and_targeted('p') }}
),
planned as materialized (
    select
        p.*,
        d1.month as first_month,
        d2.month as last_month,
        d1.worked_before,
        d2.worked,
        coalesce(d2.worked > d1.worked_before, false) as is_spread
    from dated as p
    left join days as d1 on d1.space_key = p.space_key and d1.day = p.from_day
    left join days as d2 on d2.space_key = p.space_key and d2.day = p.to_day
),
hours as (
    select space_key, issue_id, project_id, user_id, month, estimated_hours as planned_hours, 0 as actual_hours
    from planned
    where not is_spread
    union all
    select
        p.space_key,
        p.issue_id,
        p.project_id,
        p.user_id,
        m.month,
        p.estimated_hours * (least(p.worked, m.worked) - greatest(p.worked_before, m.worked_before)) / (p.worked - p.worked_before),
        0
    from planned as p
    cross join lateral generate_series(p.first_month::timestamp, p.last_month, interval '1 month') as s (month)
    join months as m on m.space_key = p.space_key and m.month = s.month::date
    where p.is_spread and least(p.worked, m.worked) > greatest(p.worked_before, m.worked_before)
    union all
    select h.space_key, h.issue_id, h.project_id, coalesce(h.user_id, 0), h.work_month, 0, h.hours
    from {{ ref('hours_ledger') }} as h
    where not h.is_deleted {{ and_targeted('h') }}
),
shares as (
    select
        h.space_key,
        h.issue_id,
        h.project_id,
        u.milestone_id,
        h.user_id,
        h.month,
        h.planned_hours / greatest(cardinality(m.ids), 1) as planned_hours,
        h.actual_hours / greatest(cardinality(m.ids), 1) as actual_hours
    from hours as h
    join {{ ref('issue_plan') }} as i on i.space_key = h.space_key and i.issue_id = h.issue_id
    cross join lateral (select case when h.project_id = i.project_id then i.milestone_ids else '{}' end as ids) as m
    cross join lateral unnest(case when m.ids = '{}' then array[0::bigint] else m.ids end) as u (milestone_id)
)
select
    space_key,
    issue_id,
    project_id,
    milestone_id,
    user_id,
    month,
    sum(planned_hours) as planned_hours,
    sum(actual_hours) as actual_hours
from shares
group by space_key, issue_id, project_id, milestone_id, user_id, month
