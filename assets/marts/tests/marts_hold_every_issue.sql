{{ config(
    meta={
        'description':
            'Issues that are missing in the marts, or there although the raw table has them no more: build whole '
            '(`whole: true`).',
        'dagster': {'ref': {'name': 'issue', 'package': 'backlog_elt'}},
    },
) }}
select coalesce(r.space_key, i.space_key) as space_key, coalesce(r.id, i.issue_id) as issue_id
from {{ source('raw', 'issues') }} as r
full join {{ ref('issue') }} as i on i.space_key = r.space_key and i.issue_id = r.id
-- What a load has brought since the build began comes with the next one.
where r.loaded_at < (select max(began_at) from {{ source('ops', 'mart_builds') }}) and i.issue_id is null or r.id is null
