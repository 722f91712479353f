-- One row per star of an issue.
{{ config(materialized='view') }}
-- The test of its key reads this. depends_on: {{ ref('changed_issue') }}
select
    i.space_key,
    i.id as issue_id,
    i.project_id,
    (f.value #>> '{id}')::bigint as star_id,
    (f.value #>> '{presenter,id}')::bigint as presenter_id,
    (f.value #>> '{created}')::timestamptz as created_at
from {{ source('raw', 'issues') }} as i
cross join lateral jsonb_array_elements(
    case jsonb_typeof(i.payload -> 'stars') when 'array' then i.payload -> 'stars' else '[]' end
) as f (value)
where f.value ->> 'id' ~ '^[0-9]{1,18}$'
