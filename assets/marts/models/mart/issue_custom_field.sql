-- One row per issue, custom field and value: each item of a list is one, and so is what was typed next to the items. By the names and
-- the type of today; of a field or item that the project has no more, by those that the issue has. A value that does not fit the type
-- of the field is there as text only.
with definitions as (
    select
        d.space_key,
        d.id,
        d.name,
        d.type_id,
        d.deleted_at is not null as is_gone,
        -- id of an item -> its name
        (
            select jsonb_object_agg(t.value ->> 'id', t.value ->> 'name')
            from jsonb_array_elements(case jsonb_typeof(d.items) when 'array' then d.items else '[]' end) as t (value)
            where t.value ->> 'id' is not null
        ) as items
    from {{ source('raw', 'custom_fields') }} as d
),
fields as (
    select i.space_key, i.id as issue_id, (f.value ->> 'id')::bigint as id, f.value as field, f.place
    from {{ source('raw', 'issues') }} as i
    cross join lateral jsonb_array_elements(
        case jsonb_typeof(i.payload -> 'customFields') when 'array' then i.payload -> 'customFields' else '[]' end
    ) with ordinality as f (value, place)
    where f.value ->> 'id' ~ '^[0-9]{1,18}$' {{ and_targeted('i', 'id') }}
),
given as (
    select f.space_key, f.issue_id, f.id, f.field, f.place, v.value, v.place as number, false as is_other
    from fields as f
    cross join lateral jsonb_array_elements(
        case jsonb_typeof(f.field -> 'value') when 'array' then f.field -> 'value' else jsonb_build_array(f.field -> 'value') end
    ) with ordinality as v (value, place)
    where coalesce(v.value, 'null') not in ('null', '""')
    union all
    select f.space_key, f.issue_id, f.id, f.field, f.place, f.field -> 'otherValue', null, true
    from fields as f
    where coalesce(f.field ->> 'otherValue', '') <> ''
),
read as (
    select
        g.*,
        coalesce(d.name, g.field ->> 'name', '(unknown)') as name,
        coalesce(d.type_id, case when g.field ->> 'fieldTypeId' ~ '^[0-9]{1,9}$' then (g.field ->> 'fieldTypeId')::bigint end) as type_id,
        coalesce(d.is_gone, true) as is_gone,
        case when jsonb_typeof(g.value) = 'object' and g.value ->> 'id' ~ '^[0-9]{1,18}$' then (g.value ->> 'id')::bigint end as item_id,
        case jsonb_typeof(g.value)
            when 'object' then coalesce(d.items ->> (g.value ->> 'id'), g.value ->> 'name', g.value::text)
            else g.value #>> '{}'
        end as text_value
    from given as g
    left join definitions as d on d.space_key = g.space_key and d.id = g.id
)
select
    r.space_key,
    r.issue_id,
    i.project_id,
    i.project_key,
    i.issue_key,
    r.id as custom_field_id,
    r.name as custom_field,
    case r.type_id
        when 1 then 'text' when 2 then 'text area' when 3 then 'number' when 4 then 'date'
        when 5 then 'single list' when 6 then 'multiple list' when 7 then 'checkbox' when 8 then 'radio'
        else 'unknown'
    end as field_type,
    row_number() over (partition by r.space_key, r.issue_id, r.id order by r.place, r.is_other, r.number) as position,
    coalesce(case when r.type_id = 4 and not r.is_other then {{ shown_date('r.text_value') }}::text end, r.text_value) as text_value,
    case when r.type_id = 3 and not r.is_other then {{ shown_number('r.text_value') }} end as number_value,
    case when r.type_id = 4 and not r.is_other then {{ shown_date('r.text_value') }} end as date_value,
    r.item_id,
    r.is_other,
    r.is_gone as is_field_deleted,
    i.deleted_at is not null as is_deleted
from read as r
join {{ ref('stg_issue') }} as i on i.space_key = r.space_key and i.issue_id = r.issue_id
where true {{ and_targeted('i') }}
