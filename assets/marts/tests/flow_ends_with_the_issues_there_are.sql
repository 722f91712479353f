-- What came into a stage less what left it are the issues that are in it now, by project and type.
-- depends_on: {{ ref('flow_daily') }}
{{ config(meta={'dagster': {'ref': {'name': 'flow_daily', 'package': 'backlog_elt'}}}) }}
with added_up as (
    select space_key, project_id, issue_type, stage, issues from {{ ref('flow_day') }} where is_last
),
counted as (
    select space_key, project_id, coalesce(issue_type, '(unknown)') as issue_type, stage, count(*) as issues
    from {{ ref('issue') }}
    where not is_deleted
    group by 1, 2, 3, 4
)
select space_key, project_id, issue_type, stage, a.issues as added_up, c.issues as counted
from added_up as a
full join counted as c using (space_key, project_id, issue_type, stage)
where coalesce(a.issues, 0) <> coalesce(c.issues, 0)
