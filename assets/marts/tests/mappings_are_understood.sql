{{ config(
    severity='warn',
    meta={
        'description':
            'Lines of the mappings that do not count, or that name what is not there (docs/mappings.md); all '
            'others count.',
        'dagster': {'ref': {'name': 'mapping_problem', 'package': 'backlog_elt'}},
    },
) }}
select file, line, reason from {{ ref('mapping_problem') }}
