-- When what is open of a project (milestone 0) and of a milestone will be done, as of each working
-- day on which it holds issues, and of today: the working days, and the dates, by which the rest is
-- done with 50 and with 85 %. The speed is that of the last 60 working days: issues that were done,
-- less those that were reopened, as burn_step has them. What was done on a day off counts for the
-- working day before. It is the milestone's own where it has 15 working days since its first issue
-- and its start, else that of its project. In n working days, of mean m and spread s each, at least
-- n * m - z * s * sqrt(n) issues are done with the chance of which z is the quantile of the normal
-- distribution. The first n with which that is all that is left is the root of an equation of the
-- second degree. Days of the last 400 are kept.
{{ config(pre_hook="{{ hashed() }}", meta={'groups': 'space_key, project_id'}) }}
{%- set quantiles = {50: 0, 85: 1.0364} %}
with numbered as materialized (
    {{ numbered_days() }}
),
-- The first day that is kept, and the first of the 60 working days before it.
today as (
    select
        t.space_key,
        t.day,
        t.day - 400 as kept_from,
        (
            select min(n.day) from numbered as n
            where n.space_key = t.space_key and n.worked > coalesce(k.worked, 0) - 60
        ) as known_from
    from {{ ref('space_today') }} as t
    left join numbered as k on k.space_key = t.space_key and k.day = t.day - 400
),
steps as materialized (
    select
        b.space_key,
        coalesce(v.project_id, b.project_id) as project_id,
        b.milestone_id,
        greatest(b.day, t.known_from) as day,
        min(b.day) as first_day,
        max(b.day) as last_day,
        sum(b.scope - b.done) as left_open,
        coalesce(sum(b.finished) filter (where b.day >= t.known_from), 0) as finished,
        coalesce(sum(b.reopened) filter (where b.day >= t.known_from), 0) as reopened
    from {{ ref('burn_day') }} as b
    join today as t on t.space_key = b.space_key and b.day <= t.day
    left join {{ source('raw', 'versions') }} as v
        on v.space_key = b.space_key and v.id = b.milestone_id
    where (b.scope, b.done, b.finished) <> (0, 0, 0)
        {{ and_stale('b.space_key, coalesce(v.project_id, b.project_id)') }}
    group by 1, 2, 3, 4
),
held as (
    select
        space_key,
        project_id,
        milestone_id,
        min(first_day) as first_day,
        max(last_day) as last_day,
        sum(left_open) > 0 as is_open
    from steps
    group by space_key, project_id, milestone_id
),
-- What ends on a day off ends as of the next working day. A project goes on to today: its
-- milestones may need its speed.
spans as materialized (
    select
        row_number() over () as number,
        h.space_key,
        h.project_id,
        h.milestone_id,
        v.name as milestone,
        v.start_date,
        v.release_due_date as due_date,
        h.first_day,
        case
            when h.is_open or h.milestone_id = 0 then t.day else least(e.day, t.day)
        end as last_day,
        t.day as today,
        t.kept_from,
        f.worked as first_worked,
        b.day as counted_from,
        b.worked_before
    from held as h
    join today as t on t.space_key = h.space_key
    join numbered as l on l.space_key = h.space_key and l.day = h.last_day
    left join numbered as e
        on e.space_key = h.space_key and e.is_working_day
            and e.worked = l.worked + (not l.is_working_day)::int
    left join {{ source('raw', 'versions') }} as v
        on v.space_key = h.space_key and v.id = h.milestone_id
    join numbered as f
        on f.space_key = h.space_key and f.day = greatest(h.first_day, t.known_from)
    left join numbered as b
        on b.space_key = h.space_key and b.day = greatest(h.first_day, v.start_date)
    where h.is_open or h.milestone_id = 0 or h.last_day >= t.kept_from
),
moves as (
    select
        b.number,
        b.worked_before,
        s.day >= b.counted_from as is_counted,
        -- Days off at the beginning of the calendar count for its first working day.
        greatest(n.worked, 1) as worked,
        n.is_working_day or n.worked = 0 as is_own,
        s.left_open,
        s.finished,
        s.reopened
    from steps as s
    join spans as b
        on b.space_key = s.space_key and b.project_id = s.project_id
            and b.milestone_id = s.milestone_id
    join numbered as n on n.space_key = s.space_key and n.day = s.day
),
-- What changed by working day, the days off behind it included, and of that on the day itself. What
-- was done on days off before the first working day counts for that.
changes as (
    select
        number,
        worked,
        sum(left_open) as left_open,
        sum(finished) as finished,
        sum(reopened) as reopened,
        sum(finished - reopened) ^ 2 as squared,
        coalesce(sum(left_open) filter (where is_own), 0) as own_left,
        coalesce(sum(finished) filter (where is_own), 0) as own_done,
        coalesce(sum(reopened) filter (where is_own), 0) as own_back
    from (
        select number, worked, is_own, left_open, 0 as finished, 0 as reopened
        from moves
        union all
        select
            number,
            greatest(worked, worked_before + 1),
            is_own or worked <= worked_before,
            0,
            finished,
            reopened
        from moves
        where is_counted and (finished, reopened) <> (0, 0)
    ) as m
    group by number, worked
),
-- Of the last day what is done on days off behind it is not known yet, as of a day off it is.
days as (
    select
        b.number,
        n.day,
        n.worked,
        case when n.is_working_day then c.left_open end as left_open,
        case when n.is_working_day then c.finished end as finished,
        case when n.is_working_day then c.reopened end as reopened,
        case when n.is_working_day then c.squared end as squared,
        coalesce(case when n.is_working_day then c.own_left else c.left_open end, 0) as own_left,
        coalesce(case when n.is_working_day then c.own_done else c.finished end, 0) as own_done,
        coalesce(case when n.is_working_day then c.own_back else c.reopened end, 0) as own_back
    from spans as b
    join numbered as n
        on n.space_key = b.space_key and n.worked >= b.first_worked and n.day <= b.last_day
            and (n.is_working_day or n.day = b.today)
    left join changes as c on c.number = b.number and c.worked = greatest(n.worked, 1)
),
sums as (
    select
        number,
        day,
        worked,
        own_left + coalesce(sum(left_open) over before, 0) as left_open,
        own_done + coalesce(sum(finished) over lately, 0) as finished,
        own_back + coalesce(sum(reopened) over lately, 0) as reopened,
        (own_done - own_back) ^ 2 + coalesce(sum(squared) over lately, 0) as squares
    from days
    window
        before as (
            partition by number order by worked range between unbounded preceding and 1 preceding
        ),
        lately as (
            partition by number order by worked range between 59 preceding and 1 preceding
        )
),
speeds as materialized (
    select
        b.*,
        s.day,
        s.worked,
        s.left_open,
        s.finished,
        s.reopened,
        s.squares,
        least(60, s.worked - b.worked_before) as working_days
    from sums as s
    join spans as b on b.number = s.number
    where s.day >= greatest(b.first_day, b.kept_from)
),
measured as (
    select
        u.space_key,
        u.project_id,
        u.milestone_id,
        u.milestone,
        u.start_date,
        u.due_date,
        u.day,
        u.worked,
        u.left_open,
        u.day = u.last_day as is_last,
        o.basis,
        case when o.basis = 'milestone' then u.working_days else p.working_days end as working_days,
        case when o.basis = 'milestone' then u.finished else p.finished end as finished,
        case when o.basis = 'milestone' then u.reopened else p.reopened end as reopened,
        case when o.basis = 'milestone' then u.squares else p.squares end as squares
    from speeds as u
    left join speeds as p
        on p.space_key = u.space_key and p.project_id = u.project_id and p.milestone_id = 0
            and p.day = u.day
    cross join lateral (
        select
            case
                when u.milestone_id <> 0 and u.working_days >= 15 then 'milestone'
                when p.number is not null then 'project'
            end as basis
    ) as o
),
spread as (
    select
        *,
        (finished - reopened)::float8 / nullif(working_days, 0) as mean,
        case
            when working_days > 1 then sqrt(
                greatest(squares - (finished - reopened) ^ 2 / working_days, 0)::float8
                / (working_days - 1)
            )
        end as spread
    from measured
),
judged as (
    select
        *,
        case
            when left_open <= 0 then 'nothing_left'
            when start_date > day then 'not_begun'
            when coalesce(finished, 0) < 5 then 'too_few_done'
            when spread is null then 'too_few_days'
            when mean <= 0 then 'all_reopened'
        end as reason
    from spread
),
dated as materialized (
    select
        *,
        {%- for share, quantile in quantiles.items() %}
        case
            when reason is null then ceil(round((
                (
                    {{ quantile }} * spread
                    + sqrt(({{ quantile }} * spread) ^ 2 + 4 * mean * left_open)
                ) ^ 2 / (2 * mean) ^ 2
            )::numeric, 6))::bigint
        end as days_{{ share }}{{ ',' if not loop.last }}
        {%- endfor %}
    from judged
)
select
    d.space_key,
    d.project_id,
    p.project_key,
    d.milestone_id,
    d.milestone,
    d.due_date,
    d.day as as_of,
    d.is_last,
    d.basis,
    d.working_days,
    d.finished,
    d.reopened,
    round(d.mean::numeric, 4) as per_day,
    round(d.spread::numeric, 4) as spread,
    d.left_open,
    d.days_50,
    d.days_85,
    n50.day as done_by_50,
    n85.day as done_by_85,
    coalesce(d.reason, case when n85.day is null then 'after_the_calendar' end) as reason
from dated as d
left join {{ source('raw', 'projects') }} as p on p.space_key = d.space_key and p.id = d.project_id
{%- for share in quantiles %}
left join numbered as n{{ share }}
    on n{{ share }}.space_key = d.space_key and n{{ share }}.is_working_day
        and n{{ share }}.worked = d.worked + d.days_{{ share }}
{%- endfor %}
