-- What changes on which day of an issue, for its project (milestone 0) and for each milestone that it
-- is in: sums of these rows up to a day are what the project or milestone held at the end of it.
-- Hours are planned from the day on which the issue is due, or due with the earliest due milestone
-- that it is in; those of an issue without a date are planned when they are earned, so that it is
-- neither early nor late. A due date in the future is a row in the future; behind the end of the
-- calendar it is its last day. The baseline has rows of its own, which nothing takes away.
{{ config(meta={'invalidates': {'burn_day': ['space_key, project_id, milestone_id, day'], 'velocity': ['space_key, milestone_id']}}) }}
{% set sums = [
    'scope', 'done', 'scope_hours', 'done_hours', 'actual_hours', 'unestimated_hours',
    'costed_done_hours', 'costed_actual_hours', 'planned_hours', 'baseline_hours',
    'baseline_planned_hours', 'finished', 'reopened', 'booked_hours',
] %}
-- depends_on: {{ ref('plan_basis') }}
-- It takes away the lists of groups that this one writes to.
with limits as (
    select space_key, min(day) as first_day, max(day) as last_day
    from {{ ref('calendar') }}
    group by space_key
),
lists as (
    select distinct h.space_key, h.milestone_ids
    from {{ ref('issue_history') }} as h
    where h.due_date is null and h.milestone_ids <> '{}' {{ and_targeted('h') }}
),
dues as (
    select u.space_key, u.milestone_ids, min(v.release_due_date) as due_date
    from (
        select l.space_key, l.milestone_ids, u.id
        from lists as l
        cross join lateral unnest(l.milestone_ids) as u (id)
        -- Taken apart first: joined by hash then, not by a loop over all names for each list.
        offset 0
    ) as u
    join {{ source('raw', 'versions') }} as v on v.space_key = u.space_key and v.id = u.id
    group by u.space_key, u.milestone_ids
),
runs as (
    select
        h.space_key,
        h.issue_id,
        h.project_id,
        h.milestone_ids,
        h.first_day,
        h.last_day + 1 as next_day,
        (h.stage = 'done')::int as done,
        coalesce(h.estimated_hours, 0) as estimated_hours,
        coalesce(h.actual_hours, 0) as actual_hours,
        coalesce(h.stage = 'done' and h.estimated_hours > 0 and h.actual_hours > 0, false)::int as is_costed,
        case
            when coalesce(h.due_date, d.due_date) is not null
                then greatest({{ in_calendar('coalesce(h.due_date, d.due_date)') }}, h.first_day)
            when h.stage = 'done' then h.first_day
        end as planned_on,
        -- What it was at the end of the day before; what was made as done has always been so.
        coalesce(lag((h.stage = 'done')::int) over history, (o.stage = 'done')::int) as was_done,
        coalesce(lag(h.actual_hours) over history, 0) as hours_before,
        case
            when lag(h.project_id) over history = h.project_id
                then 0::bigint || lag(h.milestone_ids) over history
        end as was_in
    from {{ ref('issue_history') }} as h
    left join dues as d on h.due_date is null and d.space_key = h.space_key and d.milestone_ids = h.milestone_ids
    left join limits as l on l.space_key = h.space_key
    join {{ ref('issue_status_interval') }} as o
        on o.space_key = h.space_key and o.issue_id = h.issue_id and o.position = 0
    where true {{ and_targeted('h') }}
    window history as (partition by h.space_key, h.issue_id order by h.first_day)
),
steps as (
    select
        r.space_key,
        r.issue_id,
        r.project_id,
        u.milestone_id,
        s.day,
        s.sign * s.is_state as scope,
        s.sign * s.is_state * r.done as done,
        s.sign * s.is_state * r.estimated_hours as scope_hours,
        s.sign * s.is_state * r.done * r.estimated_hours as done_hours,
        s.sign * s.is_state * r.actual_hours as actual_hours,
        case when r.estimated_hours = 0 then s.sign * s.is_state * r.actual_hours else 0 end as unestimated_hours,
        s.sign * s.is_state * r.is_costed * r.estimated_hours as costed_done_hours,
        s.sign * s.is_state * r.is_costed * r.actual_hours as costed_actual_hours,
        s.sign * s.is_plan * r.estimated_hours as planned_hours,
        0 as baseline_hours,
        0 as baseline_planned_hours,
        -- Of what begins on this day, so that what comes or goes as it was is none of these.
        (s.sign = s.is_state)::int * greatest(r.done - r.was_done, 0) as finished,
        (s.sign = s.is_state)::int * greatest(r.was_done - r.done, 0)
        * coalesce(u.milestone_id = any(r.was_in), false)::int as reopened,
        (s.sign = s.is_state)::int * (r.actual_hours - r.hours_before) as booked_hours
    from runs as r
    cross join lateral unnest(0::bigint || r.milestone_ids) as u (milestone_id)
    cross join lateral (
        values
            (r.first_day, 1, 1, (r.planned_on is not distinct from r.first_day)::int),
            (r.next_day, -1, 1, coalesce(r.planned_on < r.next_day, false)::int),
            (case when r.planned_on > r.first_day and coalesce(r.planned_on < r.next_day, true) then r.planned_on end, 1, 0, 1)
    ) as s (day, sign, is_state, is_plan)
    where s.day is not null
    union all
    select
        p.space_key,
        p.issue_id,
        p.baseline_project_id,
        u.milestone_id,
        s.day,
        0, 0, 0, 0, 0, 0, 0, 0, 0,
        p.baseline_hours * s.is_known,
        p.baseline_hours * s.is_due,
        0, 0, 0
    from {{ ref('issue_plan') }} as p
    cross join lateral unnest(0::bigint || p.baseline_milestone_ids) as u (milestone_id)
    cross join lateral (
        values (p.baseline_from, 1, 0), (p.baseline_counted_on, 0, 1)
    ) as s (day, is_known, is_due)
    where s.day is not null {{ and_targeted('p') }}
)
select
    space_key,
    issue_id,
    project_id,
    milestone_id,
    day
    {%- for column in sums %},
    sum({{ column }}) as {{ column }}
    {%- endfor %}
from steps
group by space_key, issue_id, project_id, milestone_id, day
having ({% for column in sums %}sum({{ column }}){{ ', ' if not loop.last }}{% endfor %})
    <> (0{{ ', 0' * (sums | length - 1) }})
