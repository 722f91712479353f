-- How much a milestone held at the end of each day, and how much of that was done, by number of issues and by estimated hours; from the
-- first issue that it got to today while issues of it are open, also past its due date, else to the day of the last change, as when the
-- last one was done. With it the ideal line, straight over working days from what it had open on its start day to nothing on its due date,
-- and how many days the rest would take at the speed of the 28 days before, or since its start date, if that is more recent.
{{ config(pre_hook="{{ hashed() }}") }}
with steps as materialized (
    select
        space_key,
        milestone_id,
        day,
        sum(scope)::int as scope,
        sum(done)::int as done,
        sum(scope_hours) as scope_hours,
        sum(done_hours) as done_hours,
        sum(actual_hours) as actual_hours
    from {{ ref('burn_day') }}
    where milestone_id <> 0
    group by space_key, milestone_id, day
),
held as (
    select space_key, milestone_id, min(day) as first_day, max(day) as last_day, sum(scope) > sum(done) as is_open
    from steps
    where (scope, done, scope_hours, done_hours) <> (0, 0, 0, 0)
    group by space_key, milestone_id
),
spans as materialized (
    select
        b.space_key,
        b.milestone_id,
        b.first_day,
        s.last_day,
        v.name,
        v.project_id,
        v.start_date,
        v.release_due_date as due_date,
        least(v.release_due_date, c.last_day) as due_day,
        -- A start after the due date counts as the due date; what came later is ideal from its first day on.
        least(greatest(least(coalesce(v.start_date, b.first_day), v.release_due_date), b.first_day), s.last_day) as start_day
    from held as b
    join {{ ref('space_today') }} as t on t.space_key = b.space_key
    cross join lateral (select case when b.is_open then greatest(b.last_day, t.day) else b.last_day end) as s (last_day)
    left join (
        select space_key, max(day) as last_day from {{ ref('calendar') }} group by space_key
    ) as c on c.space_key = b.space_key
    left join {{ source('raw', 'versions') }} as v on v.space_key = b.space_key and v.id = b.milestone_id
),
days as materialized (
    select
        b.*,
        d.day::date as day,
        coalesce(sum(s.scope) over following, 0) as scope,
        coalesce(sum(s.done) over following, 0) as done,
        coalesce(sum(s.scope_hours) over following, 0) as scope_hours,
        coalesce(sum(s.done_hours) over following, 0) as done_hours,
        coalesce(sum(s.actual_hours) over following, 0) as actual_hours,
        least(28, row_number() over following, case when b.start_date <= d.day then d.day::date - b.start_date + 1 end)::int as days_lately
    from spans as b
    cross join lateral generate_series(b.first_day::timestamp, b.last_day, interval '1 day') as d (day)
    left join steps as s on s.space_key = b.space_key and s.milestone_id = b.milestone_id and s.day = d.day::date
    window following as (partition by b.space_key, b.milestone_id order by d.day)
),
numbered as materialized (
    {{ numbered_days() }}
),
shares as (
    select
        d.*,
        max(d.scope - d.done) filter (where d.day = d.start_day) over whole as start_open,
        max(d.scope_hours - d.done_hours) filter (where d.day = d.start_day) over whole as start_hours,
        case
            when d.day >= d.due_date then 0
            when d.day < d.start_day or n3.worked = n1.worked_before then 1
            else 1 - (n2.worked - n1.worked_before)::numeric / (n3.worked - n1.worked_before)
        end as ideal_share,
        d.done - coalesce(lag(d.done, d.days_lately) over following, 0) as done_lately
    from days as d
    left join numbered as n1 on n1.space_key = d.space_key and n1.day = d.start_day
    left join numbered as n2 on n2.space_key = d.space_key and n2.day = d.day
    left join numbered as n3 on n3.space_key = d.space_key and n3.day = d.due_day
    window whole as (partition by d.space_key, d.milestone_id), following as (partition by d.space_key, d.milestone_id order by d.day)
),
projected as (
    select
        *,
        case
            when scope = done then 0
            when done_lately > 0 then ceil((scope - done)::numeric * days_lately / done_lately)::int
        end as days_to_done
    from shares
)
select
    d.space_key,
    d.milestone_id,
    d.name as milestone,
    d.project_id,
    p.project_key,
    d.day,
    d.scope::bigint as scope,
    d.done::bigint as done,
    d.scope_hours,
    d.done_hours,
    d.due_date,
    d.actual_hours,
    case when d.due_date is not null then round(d.start_open * d.ideal_share, 4) end as ideal_open,
    case when d.due_date is not null then round(d.start_hours * d.ideal_share, 4) end as ideal_open_hours,
    d.days_to_done,
    d.day + d.days_to_done as projected_done_on,
    d.day = d.last_day as is_last
from projected as d
left join {{ source('raw', 'projects') }} as p on p.space_key = d.space_key and p.id = d.project_id
