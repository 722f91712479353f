-- How much a milestone held at the end of each day, and how much of that was done, by number of issues
-- and by estimated hours; from the first issue that it got to today while issues of it are open, also
-- past its due date, else to the day of the last change, as when the last one was done. With it the
-- ideal line, straight over working days from what it had open on its start day to nothing on its due
-- date. When the rest will be done is in forecast.
{{ config(pre_hook="{{ hashed() }}", meta={'groups': 'space_key, milestone_id'}) }}
with steps as materialized (
    select space_key, milestone_id, day, scope::int as scope, done::int as done, scope_hours, done_hours, actual_hours
    from {{ ref('burn_day') }}
    where milestone_id <> 0 {{ and_stale('space_key, milestone_id') }}
),
held as (
    select space_key, milestone_id, min(day) as first_day, max(day) as last_day, sum(scope) > sum(done) as is_open
    from steps
    where (scope, done, scope_hours, done_hours) <> (0, 0, 0, 0)
    group by space_key, milestone_id
),
numbered as materialized (
    {{ numbered_days() }}
),
spans as materialized (
    select
        row_number() over () as number,
        b.space_key,
        b.milestone_id,
        b.first_day,
        s.last_day,
        v.name,
        v.project_id,
        v.start_date,
        v.release_due_date as due_date,
        d.start_day,
        n1.worked_before,
        n2.worked - n1.worked_before as working_days
    from held as b
    join {{ ref('space_today') }} as t on t.space_key = b.space_key
    cross join lateral (select case when b.is_open then greatest(b.last_day, t.day) else b.last_day end) as s (last_day)
    left join (select space_key, max(day) as last_day from numbered group by space_key) as c on c.space_key = b.space_key
    left join {{ source('raw', 'versions') }} as v on v.space_key = b.space_key and v.id = b.milestone_id
    cross join lateral (
        select
            -- A start after the due date counts as the due date; what came later is ideal from its first day on.
            least(greatest(least(coalesce(v.start_date, b.first_day), v.release_due_date), b.first_day), s.last_day) as start_day,
            least(v.release_due_date, c.last_day) as due_day
    ) as d
    left join numbered as n1 on n1.space_key = b.space_key and n1.day = d.start_day
    left join numbered as n2 on n2.space_key = b.space_key and n2.day = d.due_day
),
-- Each day once, and beside it what changed on it: a sum up to a day has all of it.
changes as (
    select b.number, s.day, false as is_day, s.scope, s.done, s.scope_hours, s.done_hours, s.actual_hours
    from steps as s
    join spans as b on b.space_key = s.space_key and b.milestone_id = s.milestone_id and s.day >= b.first_day
    union all
    select b.number, d.day::date, true, 0, 0, 0, 0, 0
    from spans as b
    cross join lateral generate_series(b.first_day::timestamp, b.last_day, interval '1 day') as d (day)
),
sums as (
    select
        number,
        day,
        is_day,
        sum(scope) over following as scope,
        sum(done) over following as done,
        sum(scope_hours) over following as scope_hours,
        sum(done_hours) over following as done_hours,
        sum(actual_hours) over following as actual_hours
    from changes
    window following as (partition by number order by day)
),
days as (
    select
        b.*,
        s.day,
        s.scope,
        s.done,
        s.scope_hours,
        s.done_hours,
        s.actual_hours
    from sums as s
    join spans as b on b.number = s.number
    where s.is_day
),
lines as (
    select
        d.*,
        max(d.scope - d.done) filter (where d.day = d.start_day) over whole as start_open,
        max(d.scope_hours - d.done_hours) filter (where d.day = d.start_day) over whole as start_hours,
        case
            when d.day >= d.due_date then 0
            when d.day < d.start_day or d.working_days = 0 then 1
            else 1 - (n.worked - d.worked_before)::numeric / d.working_days
        end as ideal_share
    from days as d
    left join numbered as n on n.space_key = d.space_key and n.day = d.day
    window whole as (partition by d.number)
)
select
    d.space_key,
    d.milestone_id,
    d.name as milestone,
    d.project_id,
    p.project_key,
    d.day,
    d.scope,
    d.done,
    d.scope_hours,
    d.done_hours,
    d.due_date,
    d.actual_hours,
    case when d.due_date is not null then round(d.start_open * d.ideal_share, 4) end as ideal_open,
    case when d.due_date is not null then round(d.start_hours * d.ideal_share, 4) end as ideal_open_hours,
    d.day = d.last_day as is_last
from lines as d
left join {{ source('raw', 'projects') }} as p on p.space_key = d.space_key and p.id = d.project_id
