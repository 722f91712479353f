-- One row per issue and category that it has now, in the order of the source.
{{ config(materialized='view') }}
-- The test of its key reads this. depends_on: {{ ref('changed_issue') }}
select
    i.space_key,
    i.issue_id,
    u.id as category_id,
    m.name as category,
    u.place
from {{ ref('stg_issue') }} as i
cross join lateral unnest(i.category_ids) with ordinality as u (id, place)
left join {{ source('raw', 'categories') }} as m on m.space_key = i.space_key and m.id = u.id
