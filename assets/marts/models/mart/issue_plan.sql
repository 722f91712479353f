-- The plan of each issue, as all models of plan and actual read it: an issue without a due date is
-- due with the earliest due milestone that it is in, a start after the due date counts as the due
-- date, a day outside the calendar as its first or last one, and what is left is the estimate less
-- the actual hours.
--
-- Its baseline is the due date and the estimate that it had at the end of the day that the mapping
-- `baselines` names for its project, or, without such a line, the first ones that it had at the end
-- of a day. Milestones count with their due dates of that day, or with the first ones that are
-- known. The baseline stays, whatever happens to the issue later, also when it is deleted.
{{ config(meta={'invalidates': {'issue_tree': ['space_key, issue_id']}}) }}
with limits as (
    select space_key, min(day) as first_day, max(day) as last_day
    from {{ ref('calendar') }}
    group by space_key
),
moves as (
    select
        d.space_key,
        d.issue_id,
        (array_agg(d.due_date order by d.position) filter (where d.due_date is not null))[1]
            as first_due_date,
        count(*) filter (where d.days_moved <> 0) as due_moves,
        count(*) filter (where d.days_moved > 0) as due_moves_later
    from {{ ref('due_date') }} as d
    where true {{ and_targeted('d') }}
    group by d.space_key, d.issue_id
),
-- The day of the baseline of each project, where it has come.
baseline_days as (
    select distinct on (p.space_key, p.id)
        p.space_key, p.id as project_id, b.baseline_day as day, t.timezone
    from {{ ref('baselines') }} as b
    join {{ source('raw', 'projects') }} as p
        on p.project_key = b.project_key and p.space_key = coalesce(b.space_key, p.space_key)
    join {{ ref('space_today') }} as t on t.space_key = p.space_key and b.baseline_day <= t.day
    order by p.space_key, p.id, b.space_key nulls last
),
promised as (
    select
        m.space_key,
        m.milestone_id,
        (array_agg(m.release_due_date order by m.valid_from) filter (
            where case
                when b.day is null then m.release_due_date is not null
                else m.valid_from < (b.day + 1) at time zone b.timezone
                    and coalesce(m.valid_to >= (b.day + 1) at time zone b.timezone, true)
            end
        ))[1] as due_date
    from {{ ref('dim_milestone') }} as m
    left join baseline_days as b on b.space_key = m.space_key and b.project_id = m.project_id
    group by m.space_key, m.milestone_id
),
lists as (
    select distinct h.space_key, h.milestone_ids
    from {{ ref('issue_history') }} as h
    where h.due_date is null and h.milestone_ids <> '{}' {{ and_targeted('h') }}
),
promised_lists as (
    select u.space_key, u.milestone_ids, min(p.due_date) as due_date
    from (
        select l.space_key, l.milestone_ids, u.id
        from lists as l
        cross join lateral unnest(l.milestone_ids) as u (id)
        offset 0
    ) as u
    join promised as p on p.space_key = u.space_key and p.milestone_id = u.id
    group by u.space_key, u.milestone_ids
),
-- The states of an issue, those that may count for its baseline marked: of a project with a day
-- that of the day, of another one all.
states as (
    select
        h.space_key,
        h.issue_id,
        h.project_id,
        h.first_day,
        h.milestone_ids::text as milestone_ids,
        h.stage = 'done' as is_done,
        h.estimated_hours,
        coalesce(h.due_date, p.due_date) as due_date,
        b.day as baseline_day,
        b.day is null or b.day between h.first_day and coalesce(h.last_day, b.day) as counts
    from {{ ref('issue_history') }} as h
    left join baseline_days as b on b.space_key = h.space_key and b.project_id = h.project_id
    left join promised_lists as p
        on h.due_date is null and p.space_key = h.space_key and p.milestone_ids = h.milestone_ids
    where true {{ and_targeted('h') }}
),
firsts as (
    select
        space_key,
        issue_id,
        {%- for name, condition in {
            'project_id': 'counts', 'milestone_ids': "counts and milestone_ids <> '{}'",
            'due_date': 'counts and due_date is not null',
            'hours': 'counts and estimated_hours is not null',
            'first_hours': 'estimated_hours is not null',
        }.items() %}
        (array_agg({{ 'estimated_hours' if 'hours' in name else name }} order by first_day)
            filter (where {{ condition }}))[1] as {{ name }},
        {%- endfor %}
        min(first_day) filter (where is_done) as done_on,
        -- Since when it has that date and that estimate; what a day has is known from the beginning.
        {%- for name in ('due_date', 'estimated_hours') %}
        case
            when bool_or(counts and baseline_day is not null) then min(first_day)
            else min(first_day) filter (where counts and {{ name }} is not null)
        end as {{ name }}_from{{ ',' if not loop.last }}
        {%- endfor %}
    from states
    group by space_key, issue_id
),
baselines as (
    select
        f.*,
        {{ in_calendar('f.due_date') }} as due,
        case
            -- Without a date it is neither early nor late.
            when f.due_date is null or f.done_on < f.due_date_from then
                case when f.done_on is not null then greatest(f.done_on, f.estimated_hours_from) end
            else greatest({{ in_calendar('f.due_date') }}, f.due_date_from, f.estimated_hours_from)
        end as due_from
    from firsts as f
    left join limits as l on l.space_key = f.space_key
)
select
    i.space_key,
    i.issue_id,
    i.project_id,
    i.project_key,
    i.issue_key,
    i.assignee_id,
    i.stage,
    s.milestone_ids,
    (i.created_at at time zone s.timezone)::date as created_on,
    i.start_date,
    i.due_date,
    {{ in_calendar('w.start_date') }} as planned_start,
    {{ in_calendar('w.due_date') }} as planned_due,
    case
        when i.due_date is not null then 'issue' when i.milestone_due_date is not null then 'milestone'
        else 'none'
    end as due_from,
    coalesce(i.start_date > w.due_date, false) as starts_after_due,
    coalesce(w.start_date not between l.first_day and l.last_day, false)
        or coalesce(w.due_date not between l.first_day and l.last_day, false) as is_outside_calendar,
    i.estimated_hours,
    i.actual_hours,
    {{ remaining_hours("i.stage = 'done'", 'i.estimated_hours', 'i.actual_hours') }}
        as remaining_hours,
    d.first_due_date,
    b.first_hours as first_estimated_hours,
    coalesce(d.due_moves, 0) as due_moves,
    coalesce(d.due_moves_later, 0) as due_moves_later,
    i.due_date - d.first_due_date as days_moved,
    b.project_id as baseline_project_id,
    coalesce(b.milestone_ids::bigint[], '{}') as baseline_milestone_ids,
    b.due as baseline_due,
    b.hours as baseline_hours,
    case when b.hours is not null then b.estimated_hours_from end as baseline_from,
    case when b.hours is not null then b.due_from end as baseline_counted_on,
    i.is_archived,
    i.is_deleted
from {{ ref('issue') }} as i
join {{ ref('stg_issue') }} as s on s.space_key = i.space_key and s.issue_id = i.issue_id
left join moves as d on d.space_key = i.space_key and d.issue_id = i.issue_id
left join baselines as b on b.space_key = i.space_key and b.issue_id = i.issue_id
left join limits as l on l.space_key = i.space_key
cross join lateral (
    select
        coalesce(i.due_date, i.milestone_due_date) as due_date,
        case
            when i.start_date is not null
                then least(i.start_date, coalesce(i.due_date, i.milestone_due_date))
        end as start_date
) as w
where true {{ and_targeted('i') }}
