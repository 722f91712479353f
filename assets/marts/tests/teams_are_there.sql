{{ config(
    severity='warn',
    meta={
        'description':
            'Teams that are deleted: what was done in their time stays theirs; what their people do later counts '
            'for the teams they have.',
        'dagster': {'ref': {'name': 'team_summary', 'package': 'backlog_elt'}},
    },
) }}
select space_key, team_id, team, hours, done from {{ ref('team_summary') }} where is_deleted
