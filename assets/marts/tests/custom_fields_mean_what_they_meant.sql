{{ config(
    severity='warn',
    meta={
        'description':
            'Custom fields that have had another name or another type: values go by the id, and are shown by the '
            'name and the type of today, those of before too. If the field was given another meaning, separate '
            'its values by the days of `dim_custom_field`.',
        'dagster': {'ref': {'name': 'dim_custom_field', 'package': 'backlog_elt'}},
    },
) }}
select
    space_key,
    project_id,
    custom_field_id,
    string_agg(name || ' (type ' || coalesce(type_id::text, '?') || ')', ' -> ' order by valid_from) as versions,
    max(valid_from) as since
from (
    select
        *,
        lag(name) over following as name_before,
        lag(type_id) over following as type_before,
        lag(custom_field_id) over following is null as is_first
    from {{ ref('dim_custom_field') }}
    window following as (partition by space_key, custom_field_id order by valid_from)
) as v
where is_first or name is distinct from name_before or type_id is distinct from type_before
group by space_key, project_id, custom_field_id
having count(*) > 1
