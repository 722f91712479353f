-- What status an issue had from when to when. The first interval begins with the issue, and its status is what the first change
-- says was before; without a change it is today's. A move to another project ends an interval, too: each is of one project.
{{ config(pre_hook="{{ hashed() }}", meta={'invalidates': {'flow_move': [
    project_week('from_day'), "space_key, project_id_before, date_trunc('week', from_day::timestamp)::date"
]}}) }}
with intervals as (
    {{ timeline(
        'status',
        {
            'status': ['i.status', 'c.old_value', 'c.new_value', 'u.SIDE_name'],
            'status_id': ['i.status_id', 'c.old_id', id_after('status', 'status_id'), 'u.SIDE_value::bigint']
        }
    ) }}
),
stays as (
    select
        v.space_key,
        v.issue_id,
        coalesce(p.project_id, i.project_id) as project_id,
        i.issue_key,
        coalesce(p.issue_type, i.issue_type) as issue_type,
        row_number() over (partition by v.space_key, v.issue_id order by v.position, p.position) - 1 as position,
        v.status_id,
        v.status,
        greatest(v.valid_from, p.valid_from) as valid_from,
        least(v.valid_to, p.valid_to) as valid_to,
        case when not m.is_move then v.changed_by_id end as changed_by_id,
        v.is_inferred or m.is_move as is_inferred,
        m.is_move,
        i.timezone,
        i.deleted_at
    from intervals as v
    join {{ ref('stg_issue') }} as i on i.space_key = v.space_key and i.issue_id = v.issue_id
    left join {{ ref('stg_issue_project') }} as p
        on p.space_key = v.space_key and p.issue_id = v.issue_id
            and (p.valid_from <= v.valid_from or p.valid_from < v.valid_to or v.valid_to is null)
            and (v.valid_from < p.valid_to or p.valid_to is null)
    cross join lateral (select coalesce(p.valid_from > v.valid_from, false) as is_move) as m
    where true {{ and_targeted('i') }}
)
select
    v.space_key,
    v.issue_id,
    v.project_id,
    v.issue_key,
    v.issue_type,
    v.position,
    v.status_id,
    v.status,
    coalesce(s.stage, 'active') as stage,
    lag(coalesce(s.stage, 'active')) over following as stage_before,
    lag(v.project_id) over following as project_id_before,
    lag(v.issue_type) over following as issue_type_before,
    v.valid_from,
    v.valid_to,
    (v.valid_from at time zone v.timezone)::date as from_day,
    {{ seconds_between('v.valid_from', 'v.valid_to') }} as seconds,
    {{ worked_until('d2', 'v.valid_to at time zone v.timezone') }}
        - {{ worked_until('d1', 'v.valid_from at time zone v.timezone') }} as working_seconds,
    v.changed_by_id,
    v.is_inferred,
    v.is_move,
    v.valid_to is null as is_last,
    v.deleted_at is not null as is_deleted
from stays as v
left join {{ ref('stg_status_stage') }} as s
    on s.space_key = v.space_key and s.project_id = v.project_id and s.status_id = coalesce(v.status_id, 0) and s.status = v.status
left join {{ ref('calendar') }} as d1 on d1.space_key = v.space_key and d1.day = (v.valid_from at time zone v.timezone)::date
left join {{ ref('calendar') }} as d2 on d2.space_key = v.space_key and d2.day = (v.valid_to at time zone v.timezone)::date
window following as (partition by v.space_key, v.issue_id order by v.position)
