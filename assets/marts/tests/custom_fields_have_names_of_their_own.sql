{{ config(
    severity='warn',
    meta={
        'description':
            'Custom fields of one project with the same name: separate them by id.',
        'dagster': {'ref': {'name': 'stg_issue_custom_field', 'package': 'backlog_elt'}},
    },
) }}
select space_key, project_id, name, count(*) as fields
from {{ source('raw', 'custom_fields') }}
where deleted_at is null
group by space_key, project_id, name
having count(*) > 1
-- depends_on: {{ ref('stg_issue_custom_field') }}
