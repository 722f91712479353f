{# One row per issue and value of a list of ids, in the order of the source; what the list of the project lacks is (unknown). #}
{% macro bridge(name, table) -%}
select
    i.space_key,
    i.issue_id,
    i.project_id,
    i.project_key,
    i.issue_key,
    i.id as {{ name }}_id,
    coalesce(m.name, '(unknown)') as {{ name }},
    row_number() over (partition by i.space_key, i.issue_id order by i.place) as position,
    i.is_deleted
from (
    select i.space_key, i.issue_id, i.project_id, i.project_key, i.issue_key, u.id, min(u.place) as place, i.deleted_at is not null as is_deleted
    from {{ ref('stg_issue') }} as i
    cross join lateral unnest(i.{{ name }}_ids) with ordinality as u (id, place)
    where u.id is not null {{ and_targeted('i') }}
    group by i.space_key, i.issue_id, i.project_id, i.project_key, i.issue_key, u.id, i.deleted_at
) as i
left join {{ source('raw', table) }} as m on m.space_key = i.space_key and m.id = i.id
{%- endmacro %}
