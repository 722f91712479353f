-- One row per change of actual hours: what it added, when, by whom. Its sum is the issue's actual hours of today, for every issue:
-- what the change log does not have is a row of its own, of kind opening (known from the beginning) or adjustment.
{{ config(meta={'invalidates': {'person_project_day': [project_week('work_date')]}}) }}
with points as (
    {{ timeline(
        'actual_hours',
        {'hours': ['i.actual_hours', shown_number('c.old_value'), shown_number('c.new_value'), 'u.SIDE_value::numeric']}
    ) }}
),
rows as (
    select
        space_key,
        issue_id,
        position,
        case when position = 0 then 'opening' when is_inferred then 'adjustment' else 'change' end as kind,
        valid_from as changed_at,
        changed_by_id as user_id,
        coalesce(hours, 0) - coalesce(lag(hours) over (partition by space_key, issue_id order by position), 0) as hours,
        comment_id
    from points
)
select
    r.space_key,
    r.issue_id,
    coalesce(stay.project_id, i.project_id) as project_id,
    case when stay.project_id is not null then stay.project_key else i.project_key end as project_key,
    i.issue_key,
    r.position,
    r.kind,
    r.changed_at,
    (r.changed_at at time zone i.timezone)::date as work_date,
    date_trunc('month', r.changed_at at time zone i.timezone)::date as work_month,
    r.user_id,
    coalesce(u.name, p.name, '(unknown)') as user_name,
    r.hours,
    r.hours / w.hours_per_day as person_days,
    r.hours / w.hours_per_month as person_months,
    r.comment_id,
    i.deleted_at is not null as is_deleted
from rows as r
join {{ ref('stg_issue') }} as i on i.space_key = r.space_key and i.issue_id = r.issue_id
{{ join_stay('r', 'r.changed_at') }}
left join {{ source('raw', 'users') }} as u on u.space_key = r.space_key and u.id = r.user_id
left join {{ ref('stg_issue_person') }} as p on p.space_key = r.space_key and p.issue_id = r.issue_id and p.user_id = r.user_id
left join {{ ref('unit') }} as w on w.space_key = r.space_key
where r.kind = 'change' or r.hours <> 0
