-- Issues whose last change of status does not lead to their status of today, as after a status was deleted with a substitute.
{{ config(severity='warn', meta={'dagster': {'ref': {'name': 'issue_status_interval', 'package': 'backlog_elt'}}}) }}
select v.space_key, v.issue_id, v.issue_key, v.status as last_in_history, i.status
from {{ ref('issue_status_interval') }} as v
join {{ ref('stg_issue') }} as i on i.space_key = v.space_key and i.issue_id = v.issue_id
where v.is_last and v.status is distinct from i.status and v.status_id is distinct from i.status_id
