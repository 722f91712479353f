-- One row per user: what they have now, and what they have done.
select
    u.space_key,
    u.id as user_id,
    u.name as user_name,
    u.deleted_at is not null as is_deleted,
    coalesce(a.open_issues, 0) as open_issues,
    coalesce(a.active_issues, 0) as active_issues,
    coalesce(a.done_issues, 0) as done_issues,
    a.cycle_seconds_median,
    coalesce(w.created, 0) as created,
    coalesce(w.comments, 0) as comments,
    coalesce(w.hours, 0) as hours
from {{ source('raw', 'users') }} as u
left join (
    select
        space_key,
        assignee_id,
        count(*) filter (where stage <> 'done') as open_issues,
        count(*) filter (where stage in ('active', 'review')) as active_issues,
        count(*) filter (where stage = 'done') as done_issues,
        percentile_cont(0.5) within group (order by cycle_seconds) as cycle_seconds_median
    from {{ ref('issue') }}
    where not is_deleted
    group by space_key, assignee_id
) as a on a.space_key = u.space_key and a.assignee_id = u.id
left join (
    select space_key, user_id, sum(created) as created, sum(comments) as comments, sum(hours) as hours
    from {{ ref('user_workload_weekly') }}
    group by space_key, user_id
) as w on w.space_key = u.space_key and w.user_id = u.id
