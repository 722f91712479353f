-- What status an issue had from when to when. The first interval begins with the issue, and its status is what the first change
-- says was before; without a change it is today's.
{{ config(meta={'invalidates': {'flow_move': [project_week('from_day')]}}) }}
with intervals as (
    {{ timeline(
        'status',
        {
            'status': ['i.status', 'c.old_value', 'c.new_value', 'u.SIDE_name'],
            'status_id': ['i.status_id', 'c.old_id', id_after('status', 'status_id'), 'u.SIDE_value::bigint']
        }
    ) }}
)
select
    v.space_key,
    v.issue_id,
    i.project_id,
    i.issue_key,
    i.issue_type,
    v.position,
    v.status_id,
    v.status,
    coalesce(s.stage, 'active') as stage,
    lag(coalesce(s.stage, 'active')) over (partition by v.space_key, v.issue_id order by v.position) as stage_before,
    v.valid_from,
    v.valid_to,
    (v.valid_from at time zone i.timezone)::date as from_day,
    {{ seconds_between('v.valid_from', 'v.valid_to') }} as seconds,
    {{ worked_until('d2', 'v.valid_to at time zone i.timezone') }}
        - {{ worked_until('d1', 'v.valid_from at time zone i.timezone') }} as working_seconds,
    v.changed_by_id,
    v.is_inferred,
    v.valid_to is null as is_last,
    i.deleted_at is not null as is_deleted
from intervals as v
join {{ ref('stg_issue') }} as i on i.space_key = v.space_key and i.issue_id = v.issue_id
left join {{ ref('stg_status_stage') }} as s
    on s.space_key = i.space_key and s.project_id = i.project_id and s.status_id = coalesce(v.status_id, 0) and s.status = v.status
left join {{ ref('calendar') }} as d1 on d1.space_key = i.space_key and d1.day = (v.valid_from at time zone i.timezone)::date
left join {{ ref('calendar') }} as d2 on d2.space_key = i.space_key and d2.day = (v.valid_to at time zone i.timezone)::date
where true {{ and_targeted('i') }}
