-- Who had an issue from when to when; built as issue_status_interval is. Nobody is a null.
with points as (
    {{ timeline(
        'assignee',
        {
            'assignee': ['i.assignee', 'c.old_value', 'c.new_value'],
            'assignee_id': ['i.assignee_id', 'c.old_id', id_after('assignee', 'assignee_id')]
        },
        'case when c.new_id is null then c.new_value is distinct from i.assignee else c.new_id is distinct from i.assignee_id end'
    ) }}
),
intervals as (
    select *, lead(valid_from) over (partition by space_key, issue_id order by position) as valid_to
    from points
)
select
    v.space_key,
    v.issue_id,
    i.project_id,
    i.issue_key,
    v.position,
    v.assignee_id,
    v.assignee,
    v.valid_from,
    v.valid_to,
    {{ seconds_between('v.valid_from', 'v.valid_to') }} as seconds,
    v.changed_by_id,
    v.is_inferred,
    v.valid_to is null as is_last,
    i.deleted_at is not null as is_deleted
from intervals as v
join {{ ref('stg_issue') }} as i on i.space_key = v.space_key and i.issue_id = v.issue_id
