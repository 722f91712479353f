-- The plan of each issue, as all models of plan and actual read it: an issue without a due date is due with the earliest due milestone
-- that it is in, a start after the due date counts as the due date, and what is left is the estimate less the actual hours.
{{ config(meta={'invalidates': {'issue_tree': ['space_key, issue_id']}}) }}
with milestones as (
    select u.space_key, u.issue_id, min(v.release_due_date) as due_date
    from (
        select i.space_key, i.issue_id, u.id
        from {{ ref('stg_issue') }} as i
        cross join lateral unnest(i.milestone_ids) as u (id)
        where i.due_date is null {{ and_targeted('i') }}
        -- Taken apart first: joined by hash then, not by a loop over all names for each issue.
        offset 0
    ) as u
    join {{ source('raw', 'versions') }} as v on v.space_key = u.space_key and v.id = u.id
    group by u.space_key, u.issue_id
),
moves as (
    select
        d.space_key,
        d.issue_id,
        (array_agg(d.due_date order by d.position) filter (where d.due_date is not null))[1] as first_due_date,
        count(*) filter (where d.days_moved <> 0) as due_moves,
        count(*) filter (where d.days_moved > 0) as due_moves_later
    from {{ ref('due_date') }} as d
    where true {{ and_targeted('d') }}
    group by d.space_key, d.issue_id
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
    case when i.start_date is not null then least(i.start_date, coalesce(i.due_date, m.due_date)) end as planned_start,
    coalesce(i.due_date, m.due_date) as planned_due,
    case when i.due_date is not null then 'issue' when m.due_date is not null then 'milestone' else 'none' end as due_from,
    coalesce(i.start_date > coalesce(i.due_date, m.due_date), false) as starts_after_due,
    i.estimated_hours,
    i.actual_hours,
    {{ remaining_hours("i.stage = 'done'", 'i.estimated_hours', 'i.actual_hours') }} as remaining_hours,
    d.first_due_date,
    coalesce(d.due_moves, 0) as due_moves,
    coalesce(d.due_moves_later, 0) as due_moves_later,
    i.due_date - d.first_due_date as days_moved,
    i.is_archived,
    i.is_deleted
from {{ ref('issue') }} as i
join {{ ref('stg_issue') }} as s on s.space_key = i.space_key and s.issue_id = i.issue_id
left join milestones as m on m.space_key = i.space_key and m.issue_id = i.issue_id
left join moves as d on d.space_key = i.space_key and d.issue_id = i.issue_id
where true {{ and_targeted('i') }}
