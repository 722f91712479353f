-- How much a milestone held at the end of each day, and how much of that was done, by number of issues and by estimated hours; from the
-- first issue that it got to today while issues of it are open, else to the day of the last change, as when the last one was done.
with members as (
    select h.*, u.milestone_id
    from {{ ref('issue_history') }} as h
    cross join lateral unnest(h.milestone_ids) as u (milestone_id)
),
steps as (
    select *
    from (
        select
            m.space_key,
            m.milestone_id,
            s.day,
            sum(s.sign) as scope,
            sum(case when m.stage = 'done' then s.sign else 0 end) as done,
            sum(s.sign * coalesce(m.estimated_hours, 0)) as scope_hours,
            sum(case when m.stage = 'done' then s.sign * coalesce(m.estimated_hours, 0) else 0 end) as done_hours
        from members as m
        cross join lateral (values (m.first_day, 1), (m.last_day + 1, -1)) as s (day, sign)
        where s.day is not null
        group by m.space_key, m.milestone_id, s.day
    ) as sums
    where (scope, done, scope_hours, done_hours) <> (0, 0, 0, 0)
),
spans as (
    select space_key, milestone_id, min(day) as first_day, max(day) as last_day, sum(scope) > sum(done) as is_open
    from steps
    group by space_key, milestone_id
),
days as (
    select space_key, milestone_id, day, sum(scope) as scope, sum(done) as done, sum(scope_hours) as scope_hours, sum(done_hours) as done_hours
    from (
        select * from steps
        union all
        -- A line for each day, also where nothing changed.
        select b.space_key, b.milestone_id, d.day::date, 0, 0, 0, 0
        from spans as b
        join {{ ref('space_today') }} as t on t.space_key = b.space_key
        cross join lateral generate_series(
            b.first_day, case when b.is_open then greatest(b.last_day, t.day) else b.last_day end, interval '1 day'
        ) as d (day)
    ) as every_day
    group by space_key, milestone_id, day
)
select
    d.space_key,
    d.milestone_id,
    v.name as milestone,
    v.project_id,
    p.project_key,
    d.day,
    sum(d.scope) over following as scope,
    sum(d.done) over following as done,
    sum(d.scope_hours) over following as scope_hours,
    sum(d.done_hours) over following as done_hours,
    v.release_due_date as due_date
from days as d
left join {{ source('raw', 'versions') }} as v on v.space_key = d.space_key and v.id = d.milestone_id
left join {{ source('raw', 'projects') }} as p on p.space_key = v.space_key and p.id = v.project_id
window following as (partition by d.space_key, d.milestone_id order by d.day)
