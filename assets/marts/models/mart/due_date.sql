-- What due date an issue had from when to when, and by how many days each change moved it.
with points as (
    select
        i.space_key,
        i.issue_id,
        0 as position,
        i.created_at as valid_from,
        i.created_user_id as changed_by_id,
        case when c.issue_id is null then i.due_date else {{ shown_date('c.old_value') }} end as due_date
    from {{ ref('stg_issue') }} as i
    left join {{ ref('stg_issue_change') }} as c
        on c.space_key = i.space_key and c.issue_id = i.issue_id and c.field = 'due_date' and c.change_number = 1
    union all
    select space_key, issue_id, change_number, changed_at, changed_by_id, {{ shown_date('new_value') }}
    from {{ ref('stg_issue_change') }}
    where field = 'due_date'
),
intervals as (
    select
        *,
        lead(valid_from) over following as valid_to,
        due_date - lag(due_date) over following as days_moved
    from points
    window following as (partition by space_key, issue_id order by position)
)
select
    v.space_key,
    v.issue_id,
    i.project_id,
    i.issue_key,
    v.position,
    v.due_date,
    v.days_moved,
    v.valid_from,
    v.valid_to,
    v.changed_by_id,
    v.valid_to is null as is_last,
    i.deleted_at is not null as is_deleted
from intervals as v
join {{ ref('stg_issue') }} as i on i.space_key = v.space_key and i.issue_id = v.issue_id
