-- What due date an issue had from when to when, and by how many days each change moved it.
with points as (
    {{ timeline(
        'due_date',
        {'due_date': ['i.due_date', shown_date('c.old_value'), shown_date('c.new_value'), 'u.SIDE_value::date']}
    ) }}
),
intervals as (
    select
        *,
        due_date - lag(due_date) over (partition by space_key, issue_id order by position) as days_moved
    from points
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
    v.is_inferred,
    v.valid_to is null as is_last,
    i.deleted_at is not null as is_deleted
from intervals as v
join {{ ref('stg_issue') }} as i on i.space_key = v.space_key and i.issue_id = v.issue_id
