-- How many issues of each type came into a stage on a day (in the space's zone), made in it, from
-- another stage or from another project, and how many left it so; by the type of today, or by that
-- with which an issue left the project. A change of status within a stage is none, and issues that
-- are gone do not count.
{{ config(meta={'groups': project_week(), 'invalidates': {'flow_day': ['space_key, project_id, issue_type']}}) }}
with moves as not materialized (
    select *
    from {{ ref('issue_status_interval') }}
    where not is_deleted and (stage, project_id) is distinct from (stage_before, project_id_before)
),
sides as (
    select space_key, project_id, issue_type, stage, from_day as day, 1 as entered, 0 as left_stage
    from moves
    where true {{ and_stale(project_week('from_day')) }}
    union all
    select space_key, project_id_before, issue_type_before, stage_before, from_day, 0, 1
    from moves
    where stage_before is not null
        {{ and_stale("space_key, project_id_before, date_trunc('week', from_day::timestamp)::date") }}
)
select
    space_key,
    project_id,
    coalesce(issue_type, '(unknown)') as issue_type,
    stage,
    day,
    sum(entered)::bigint as entered,
    sum(left_stage)::bigint as left_stage
from sides
group by 1, 2, 3, 4, 5
