{{ config(
    meta={
        'description':
            "The ledger's total is the issue's actual hours, for every issue.",
        'dagster': {'ref': {'name': 'hours_ledger', 'package': 'backlog_elt'}},
    },
) }}
select i.space_key, i.issue_id, i.actual_hours, l.ledger
from {{ ref('stg_issue') }} as i
left join (
    select space_key, issue_id, sum(hours) as ledger
    from {{ ref('hours_ledger') }}
    group by space_key, issue_id
) as l on l.space_key = i.space_key and l.issue_id = i.issue_id
where coalesce(i.actual_hours, 0) <> coalesce(l.ledger, 0)
