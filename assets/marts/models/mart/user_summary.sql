-- One row per person whom a record names: what they have now, and what they have done.
select
    u.space_key,
    u.user_id,
    u.user_name,
    u.is_deleted,
    coalesce(a.open_issues, 0) as open_issues,
    coalesce(a.active_issues, 0) as active_issues,
    coalesce(a.done_issues, 0) as done_issues,
    a.cycle_seconds_median,
    coalesce(w.created, 0) as created,
    coalesce(w.comments, 0) as comments,
    coalesce(w.hours, 0) as hours,
    w.first_day,
    w.last_day
from {{ ref('dim_person') }} as u
left join (
    select
        space_key,
        coalesce(assignee_id, 0) as assignee_id,
        count(*) filter (where stage <> 'done' and not is_archived) as open_issues,
        count(*) filter (where stage in ('active', 'review') and not is_archived) as active_issues,
        count(*) filter (where stage = 'done') as done_issues,
        percentile_cont(0.5) within group (order by cycle_seconds) as cycle_seconds_median
    from {{ ref('issue') }}
    where not is_deleted
    group by space_key, coalesce(assignee_id, 0)
) as a on a.space_key = u.space_key and a.assignee_id = u.user_id
left join (
    select
        space_key,
        user_id,
        sum(created)::bigint as created,
        sum(comments)::bigint as comments,
        sum(hours) as hours,
        min(day) as first_day,
        max(day) as last_day
    from {{ ref('person_project_day') }}
    group by space_key, user_id
) as w on w.space_key = u.space_key and w.user_id = u.user_id
