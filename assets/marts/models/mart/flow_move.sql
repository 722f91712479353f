-- How many issues of each type came into a stage on a day (in the space's zone), made in it or from another stage, and how many left it
-- for another, by the type of today. A change of status within a stage is none, and issues that are gone do not count.
{{ config(meta={'groups': project_week(), 'invalidates': {'flow_day': ['space_key, project_id, issue_type']}}) }}
with sides as (
    select space_key, project_id, coalesce(issue_type, '(unknown)') as issue_type, stage_before, stage, from_day as day, count(*) as moves
    from {{ ref('issue_status_interval') }}
    where not is_deleted and stage_before is distinct from stage {{ and_stale(project_week('from_day')) }}
    group by 1, 2, 3, 4, 5, 6
)
select space_key, project_id, issue_type, stage, day, sum(entered)::bigint as entered, sum(left_stage)::bigint as left_stage
from (
    select space_key, project_id, issue_type, stage, day, moves as entered, 0 as left_stage
    from sides
    union all
    select space_key, project_id, issue_type, stage_before, day, 0, moves
    from sides
    where stage_before is not null
) as moved
group by space_key, project_id, issue_type, stage, day
