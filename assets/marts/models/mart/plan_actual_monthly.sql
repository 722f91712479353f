-- plan_step added up: planned and actual hours by month, person, project and milestone (0: none).
{{ config(pre_hook="{{ hashed() }}", meta={'groups': 'space_key, project_id, month'}, post_hook=[
    "{{ names_of_today('user_name', ref('dim_person'), 'user_name', 'user_id', 'user_id') }}",
    "{{ names_of_today('milestone', source('raw', 'versions'), 'name', 'id', 'milestone_id') }}",
    "{{ names_of_today('project_key', source('raw', 'projects'), 'project_key', 'id', 'project_id') }}",
]) }}
with sums as (
    select
        space_key,
        project_id,
        milestone_id,
        user_id,
        month,
        round(sum(planned_hours), 4) as planned_hours,
        round(sum(actual_hours), 4) as actual_hours
    from {{ ref('plan_step') }}
    where true {{ and_stale('space_key, project_id, month') }}
    group by space_key, project_id, milestone_id, user_id, month
)
select
    s.space_key,
    s.project_id,
    p.project_key,
    s.milestone_id,
    case when s.milestone_id = 0 then '(none)' else coalesce(v.name, '(unknown)') end as milestone,
    s.user_id,
    u.user_name,
    s.month,
    s.planned_hours,
    s.actual_hours,
    s.actual_hours - s.planned_hours as variance_hours,
    s.planned_hours / w.hours_per_day as planned_person_days,
    s.actual_hours / w.hours_per_day as actual_person_days,
    s.planned_hours / w.hours_per_month as planned_person_months,
    s.actual_hours / w.hours_per_month as actual_person_months
from sums as s
left join {{ source('raw', 'projects') }} as p on p.space_key = s.space_key and p.id = s.project_id
left join {{ source('raw', 'versions') }} as v on v.space_key = s.space_key and v.id = s.milestone_id
left join {{ ref('dim_person') }} as u on u.space_key = s.space_key and u.user_id = s.user_id
left join {{ ref('unit') }} as w on w.space_key = s.space_key
