-- How much a milestone held at the end of each day, and how much of that was done, by number of issues and by estimated hours; from the
-- first issue that it got to its last day, or to the newest change of the space.
with members as (
    select h.*, u.milestone_id
    from {{ ref('issue_history') }} as h
    cross join lateral unnest(h.milestone_ids) as u (milestone_id)
),
steps as (
    select
        space_key,
        milestone_id,
        first_day as day,
        1 as scope,
        (stage = 'done')::int as done,
        coalesce(estimated_hours, 0) as scope_hours,
        case when stage = 'done' then coalesce(estimated_hours, 0) else 0 end as done_hours
    from members
    union all
    select
        space_key,
        milestone_id,
        last_day + 1,
        -1,
        -(stage = 'done')::int,
        -coalesce(estimated_hours, 0),
        case when stage = 'done' then -coalesce(estimated_hours, 0) else 0 end
    from members
    where last_day is not null
),
sums as (
    select
        space_key,
        milestone_id,
        day,
        sum(scope) as scope,
        sum(done) as done,
        sum(scope_hours) as scope_hours,
        sum(done_hours) as done_hours
    from steps
    group by space_key, milestone_id, day
),
days as (
    select b.space_key, b.milestone_id, d.day::date as day
    from (
        select s.space_key, s.milestone_id, min(s.day) as first_day, max(s.day) as last_day
        from sums as s
        group by s.space_key, s.milestone_id
    ) as b
    join {{ ref('space_today') }} as t on t.space_key = b.space_key
    left join {{ source('raw', 'versions') }} as v on v.space_key = b.space_key and v.id = b.milestone_id
    cross join lateral generate_series(
        b.first_day, greatest(b.last_day, least(t.day, coalesce(v.release_due_date, t.day))), interval '1 day'
    ) as d (day)
)
select
    d.space_key,
    d.milestone_id,
    v.name as milestone,
    v.project_id,
    p.project_key,
    d.day,
    sum(coalesce(s.scope, 0)) over following as scope,
    sum(coalesce(s.done, 0)) over following as done,
    sum(coalesce(s.scope_hours, 0)) over following as scope_hours,
    sum(coalesce(s.done_hours, 0)) over following as done_hours,
    v.release_due_date as due_date
from days as d
left join {{ source('raw', 'versions') }} as v on v.space_key = d.space_key and v.id = d.milestone_id
left join {{ source('raw', 'projects') }} as p on p.space_key = v.space_key and p.id = v.project_id
left join sums as s on s.space_key = d.space_key and s.milestone_id = d.milestone_id and s.day = d.day
window following as (partition by d.space_key, d.milestone_id order by d.day)
