-- One row per issue and custom field that has a value: as text, and where it is a list as the names of its items.
{{ config(materialized='view') }}
select
    i.space_key,
    i.id as issue_id,
    i.project_id,
    (f.value ->> 'id')::bigint as custom_field_id,
    coalesce(m.name, f.value ->> 'name') as custom_field,
    case jsonb_typeof(f.value -> 'value')
        when 'array' then (select string_agg(coalesce(v.value ->> 'name', v.value #>> '{}'), ', ' order by v.place)
            from jsonb_array_elements(f.value -> 'value') with ordinality as v (value, place))
        when 'object' then f.value #>> '{value,name}'
        else f.value ->> 'value'
    end as value,
    f.value ->> 'otherValue' as other_value
from {{ source('raw', 'issues') }} as i
cross join lateral jsonb_array_elements(
    case jsonb_typeof(i.payload -> 'customFields') when 'array' then i.payload -> 'customFields' else '[]' end
) as f (value)
left join {{ source('raw', 'custom_fields') }} as m
    on m.space_key = i.space_key and m.id::text = f.value ->> 'id'
where f.value ->> 'id' ~ '^[0-9]{1,18}$' and coalesce(f.value -> 'value', 'null') <> 'null'
