-- What status an issue had from when to when. The first interval begins with the issue, and its status is what the first change
-- says was before; without a change it is today's.
with points as (
    select
        i.space_key,
        i.issue_id,
        i.project_id,
        0 as change_number,
        i.created_at as valid_from,
        i.created_user_id as changed_by_id,
        case when c.issue_id is null then i.status else c.old_value end as status,
        case when c.issue_id is null then i.status_id else c.old_id end as status_id
    from {{ ref('stg_issue') }} as i
    left join {{ ref('stg_issue_change') }} as c
        on c.space_key = i.space_key and c.issue_id = i.issue_id and c.field = 'status' and c.change_number = 1
    union all
    select space_key, issue_id, project_id, change_number, changed_at, changed_by_id, new_value, new_id
    from {{ ref('stg_issue_change') }}
    where field = 'status'
),
intervals as (
    select
        *,
        lead(valid_from) over (partition by space_key, issue_id order by change_number) as valid_to
    from points
)
select
    v.space_key,
    v.issue_id,
    i.project_id,
    i.issue_key,
    v.change_number as position,
    v.status_id,
    v.status,
    coalesce(s.stage, 'active') as stage,
    v.valid_from,
    v.valid_to,
    {{ seconds_between('v.valid_from', 'v.valid_to') }} as seconds,
    v.changed_by_id,
    v.valid_to is null as is_last,
    i.deleted_at is not null as is_deleted
from intervals as v
join {{ ref('stg_issue') }} as i on i.space_key = v.space_key and i.issue_id = v.issue_id
left join {{ ref('stg_status_stage') }} as s
    on s.space_key = i.space_key and s.project_id = i.project_id and s.status = v.status
