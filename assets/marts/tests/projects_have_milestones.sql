{{ config(
    severity='warn',
    meta={
        'description':
            'Projects with issues and no milestone: their hours count for milestone 0, (none), and they have no '
            'velocity and no burn-up.',
        'dagster': {'ref': {'name': 'velocity', 'package': 'backlog_elt'}},
    },
) }}
select p.space_key, p.id as project_id, p.project_key, count(*) as issues
from {{ source('raw', 'projects') }} as p
join {{ ref('issue') }} as i on i.space_key = p.space_key and i.project_id = p.id and not i.is_deleted
where p.deleted_at is null and not coalesce(p.archived, false)
    and not exists (select from {{ ref('velocity') }} as v where v.space_key = p.space_key and v.project_id = p.id)
group by p.space_key, p.id, p.project_key
