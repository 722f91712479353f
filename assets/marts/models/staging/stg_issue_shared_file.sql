-- One row per shared file of an issue; a file may be linked twice.
{{ config(materialized='view') }}
-- The test of its key reads this. depends_on: {{ ref('changed_issue') }}
select
    i.space_key,
    i.id as issue_id,
    i.project_id,
    (f.value #>> '{id}')::bigint as shared_file_id,
    (f.value #>> '{dir}') as folder,
    (f.value #>> '{name}') as name,
    (f.value #>> '{size}')::bigint as bytes,
    f.place
from {{ source('raw', 'issues') }} as i
cross join lateral jsonb_array_elements(
    case jsonb_typeof(i.payload -> 'sharedFiles') when 'array' then i.payload -> 'sharedFiles' else '[]' end
) with ordinality as f (value, place)
where f.value ->> 'id' ~ '^[0-9]{1,18}$'
