{{ config(
    severity='warn',
    meta={
        'description':
            'Statuses that the map does not know: they count as active until `mappings/status_map.csv` has a line'
            ' for them.',
        'dagster': {'ref': {'name': 'stg_status_stage', 'package': 'backlog_elt'}},
    },
) }}
select distinct space_key, project_id, status_today as status from {{ ref('stg_status_stage') }} where is_guess
