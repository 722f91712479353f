-- One row per issue and custom field that has a value, or text typed next to its items: as text, and where it is a list as the
-- names that its items have today. An item that the field has no more keeps the name that the issue has.
{{ config(materialized='view') }}
-- The test of its key reads this. depends_on: {{ ref('changed_issue') }}
select
    i.space_key,
    i.id as issue_id,
    i.project_id,
    (f.value ->> 'id')::bigint as custom_field_id,
    coalesce(m.name, f.value ->> 'name') as custom_field,
    case jsonb_typeof(f.value -> 'value')
        when 'array' then (
            select string_agg(coalesce(m.items ->> (v.value ->> 'id'), v.value ->> 'name', v.value #>> '{}'), ', ' order by v.place)
            from jsonb_array_elements(f.value -> 'value') with ordinality as v (value, place)
        )
        when 'object' then coalesce(m.items ->> (f.value #>> '{value,id}'), f.value #>> '{value,name}')
        else f.value ->> 'value'
    end as value,
    f.value ->> 'otherValue' as other_value
from {{ source('raw', 'issues') }} as i
cross join lateral jsonb_array_elements(
    case jsonb_typeof(i.payload -> 'customFields') when 'array' then i.payload -> 'customFields' else '[]' end
) as f (value)
left join (
    select
        d.space_key,
        d.id,
        d.name,
        -- id of an item -> its name
        (
            select jsonb_object_agg(t.value ->> 'id', t.value ->> 'name')
            from jsonb_array_elements(case jsonb_typeof(d.items) when 'array' then d.items else '[]' end) as t (value)
            where t.value ->> 'id' is not null
        ) as items
    from {{ source('raw', 'custom_fields') }} as d
) as m on m.space_key = i.space_key and m.id::text = f.value ->> 'id'
where
    f.value ->> 'id' ~ '^[0-9]{1,18}$'
    and (coalesce(f.value -> 'value', 'null') not in ('null', '[]') or coalesce(f.value ->> 'otherValue', '') <> '')
