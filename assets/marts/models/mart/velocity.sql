-- What each milestone committed itself to, got added, lost, finished and carried over, by issues and
-- by estimated hours. It is counted from the end of its start day (without one: the day on which it
-- got its first issue) to the end of its due date (without one: to today while issues of it are open,
-- else to its last change), at most to today. An issue counts that was open in it in these days, or
-- was done in it: one that came in done, or was done before, and stayed so does not. Actual hours are
-- those that were booked in these days for what was in it on the day.
{{ config(pre_hook="{{ hashed() }}", meta={'groups': 'space_key, milestone_id'}) }}
with milestones as (
    select v.space_key, v.id as milestone_id, v.project_id, v.name, v.start_date, v.release_due_date, v.archived, v.deleted_at
    from {{ source('raw', 'versions') }} as v
    where true {{ and_stale('v.space_key, v.id') }}
    union all
    -- Deleted before the first load: known only from what issues had.
    select s.space_key, s.milestone_id, min(s.project_id), null, null, null, true, null
    from {{ ref('burn_step') }} as s
    where s.milestone_id <> 0
        and not exists (select from {{ source('raw', 'versions') }} as v where v.space_key = s.space_key and v.id = s.milestone_id)
        {{ and_stale('s.space_key, s.milestone_id') }}
    group by s.space_key, s.milestone_id
),
held as (
    select
        space_key,
        milestone_id,
        min(day) filter (where scope > 0) as first_day,
        max(day) filter (where scope <> 0 or done <> 0) as last_day,
        sum(scope) > sum(done) as is_open
    from {{ ref('burn_step') }}
    where milestone_id <> 0 {{ and_stale('space_key, milestone_id') }}
    group by space_key, milestone_id
),
bounds as (
    select
        m.*,
        t.day as today,
        least(coalesce(m.start_date, h.first_day), m.release_due_date) as first_day,
        coalesce(m.release_due_date, case when not h.is_open then h.last_day end) as last_day
    from milestones as m
    left join held as h on h.space_key = m.space_key and h.milestone_id = m.milestone_id
    left join {{ ref('space_today') }} as t on t.space_key = m.space_key
),
spans as (
    select *, least(coalesce(first_day, today), today) as counted_from, least(coalesce(last_day, today), today) as counted_to
    from bounds
),
issues as (
    select
        b.space_key,
        b.milestone_id,
        s.issue_id,
        coalesce(sum(s.scope) filter (where s.day <= b.counted_from), 0) > 0 as is_committed,
        coalesce(sum(s.scope_hours) filter (where s.day <= b.counted_from), 0) as committed_hours,
        sum(s.scope) > 0 as is_held,
        sum(s.done) > 0 as is_done,
        sum(s.scope_hours) as hours,
        sum(s.booked_hours) filter (where s.day >= b.counted_from) as booked_hours,
        coalesce(max(-s.scope_hours) filter (where s.scope < 0 and s.day > b.counted_from), 0) as lost_hours,
        bool_or(s.scope > 0 and s.day > b.counted_from) as came_later,
        coalesce(sum(s.scope - s.done) filter (where s.day <= b.counted_from), 0) > 0
            or bool_or(s.day > b.counted_from and s.scope > s.done)
            or bool_or(s.day >= b.counted_from and s.finished > 0) as is_worked_at
    from spans as b
    join {{ ref('burn_step') }} as s on s.space_key = b.space_key and s.milestone_id = b.milestone_id and s.day <= b.counted_to
    where true {{ and_stale('s.space_key, s.milestone_id') }}
    group by b.space_key, b.milestone_id, s.issue_id
),
sums as (
    select
        space_key,
        milestone_id,
        count(*) filter (where is_committed) as committed,
        count(*) filter (where not is_committed) as added,
        count(*) filter (where not is_held) as removed,
        count(*) filter (where is_held and is_done) as done,
        count(*) filter (where is_held and not is_done) as left_open,
        sum(committed_hours) as committed_hours,
        sum(case when is_held then hours else lost_hours end) filter (where not is_committed) as added_hours,
        sum(case when is_committed then committed_hours else lost_hours end) filter (where not is_held) as removed_hours,
        sum(hours - committed_hours) filter (where is_committed and is_held) as reestimated_hours,
        sum(hours) filter (where is_held and is_done) as done_hours,
        sum(hours) filter (where is_held and not is_done) as left_open_hours
    from issues
    where (is_committed or came_later) and is_worked_at
    group by space_key, milestone_id
),
booked as (
    select space_key, milestone_id, sum(booked_hours) as actual_hours
    from issues
    group by space_key, milestone_id
),
named as (
    select
        b.*,
        case
            when b.archived or b.deleted_at is not null or b.last_day < b.today then 'over'
            when b.first_day > b.today then 'planned'
            else 'running'
        end as state
    from spans as b
)
select
    b.space_key,
    b.milestone_id,
    b.project_id,
    p.project_key,
    coalesce(b.name, '(unknown)') as milestone,
    b.start_date,
    b.release_due_date as due_date,
    coalesce(b.archived, false) as archived,
    b.deleted_at is not null as is_deleted,
    b.state,
    b.counted_from,
    b.counted_to,
    coalesce(s.committed, 0) as committed,
    coalesce(s.added, 0) as added,
    coalesce(s.removed, 0) as removed,
    coalesce(s.done, 0) as done,
    coalesce(s.left_open, 0) as left_open,
    case when b.state = 'over' then coalesce(s.left_open, 0) end as carried_over,
    coalesce(s.committed_hours, 0) as committed_hours,
    coalesce(s.added_hours, 0) as added_hours,
    coalesce(s.removed_hours, 0) as removed_hours,
    coalesce(s.reestimated_hours, 0) as reestimated_hours,
    coalesce(s.done_hours, 0) as done_hours,
    coalesce(s.left_open_hours, 0) as left_open_hours,
    case when b.state = 'over' then coalesce(s.left_open_hours, 0) end as carried_over_hours,
    coalesce(h.actual_hours, 0) as actual_hours
from named as b
left join sums as s on s.space_key = b.space_key and s.milestone_id = b.milestone_id
left join booked as h on h.space_key = b.space_key and h.milestone_id = b.milestone_id
left join {{ source('raw', 'projects') }} as p on p.space_key = b.space_key and p.id = b.project_id
