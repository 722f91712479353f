-- The ledger's total is the issue's actual hours, for every issue.
{{ config(meta={'dagster': {'ref': {'name': 'hours_ledger', 'package': 'backlog_elt'}}}) }}
select i.space_key, i.issue_id, i.actual_hours, sum(l.hours) as ledger
from {{ ref('stg_issue') }} as i
left join {{ ref('hours_ledger') }} as l on l.space_key = i.space_key and l.issue_id = i.issue_id
group by i.space_key, i.issue_id, i.actual_hours
having coalesce(i.actual_hours, 0) <> coalesce(sum(l.hours), 0)
