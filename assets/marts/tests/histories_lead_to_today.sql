-- Changes that no log has, as after a status was deleted with a substitute: they are dated by other evidence, and stay so.
{{ config(severity='warn', meta={'dagster': {'ref': {'name': 'stg_unlogged_change', 'package': 'backlog_elt'}}}) }}
select space_key, issue_id, issue_key, field, coalesce(old_name, old_value) as old_value, coalesce(new_name, new_value) as value, changed_at, evidence
from {{ ref('stg_unlogged_change') }}
