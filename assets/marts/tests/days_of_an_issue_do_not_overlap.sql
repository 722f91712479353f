-- depends_on: {{ ref('issue_daily') }}
{{ config(
    meta={
        'description':
            'Each day of an issue has one state: the runs of days follow each other without gap or overlap. It '
            'covers the issues that the last build rebuilt.',
        'dagster': {'ref': {'name': 'issue_daily', 'package': 'backlog_elt'}},
    },
) }}
select space_key, issue_id, first_day, last_day, next_day
from (
    select *, lead(first_day) over (partition by space_key, issue_id order by first_day) as next_day
    from {{ ref('issue_history') }}
    where (space_key, issue_id) in (select space_key, issue_id from {{ ref('changed_issue') }})
) as h
where last_day < first_day or next_day is not null and last_day is distinct from next_day - 1
