-- Issues that were made, finished and reopened, by project and week (Monday to Sunday, in the space's zone).
{{ config(
    meta={'groups': 'space_key, project_id, week'},
    post_hook="{{ names_of_today('project_key', source('raw', 'projects'), 'project_key', 'id', 'project_id') }}"
) }}
with events as (
    select space_key, project_id, week, created, done, 0 as reopened
    from {{ ref('person_project_week') }}
    where created + done > 0 {{ and_stale('space_key, project_id, week') }}
    union all
    select space_key, project_id, date_trunc('week', reopened_day::timestamp)::date, 0, 0, 1
    from {{ ref('reopen_event') }}
    where not is_deleted {{ and_stale(project_week('reopened_day')) }}
)
select
    e.space_key,
    e.project_id,
    p.project_key,
    e.week,
    sum(e.created)::bigint as created,
    sum(e.done)::bigint as done,
    sum(e.reopened)::bigint as reopened
from events as e
left join {{ source('raw', 'projects') }} as p on p.space_key = e.space_key and p.id = e.project_id
group by 1, 2, 3, 4
