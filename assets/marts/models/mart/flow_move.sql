-- How many issues of each type came into a stage on a day (in the space's zone), made in it or from another stage, and how many left it
-- for another, by the type of today. A change of status within a stage is none, and issues that are gone do not count.
{% set groups = "space_key, project_id, date_trunc('week', day::timestamp)::date" %}
{{ config(meta={'groups': groups}) }}
with moves as (
    select
        v.space_key,
        v.project_id,
        v.issue_id,
        v.stage,
        v.stage_before,
        (v.valid_from at time zone coalesce(z.timezone, 'UTC'))::date as day
    from {{ ref('issue_status_interval') }} as v
    left join {{ source('raw', 'space') }} as z on z.space_key = v.space_key
    where not v.is_deleted and v.stage_before is distinct from v.stage
    -- Dated first: joined by hash then, with the week as a part of it.
    offset 0
),
sides as (
    select
        m.space_key,
        m.project_id,
        coalesce(i.issue_type, '(unknown)') as issue_type,
        m.stage_before,
        m.stage,
        m.day,
        count(*) as moves
    from moves as m
    join {{ ref('stg_issue') }} as i on i.space_key = m.space_key and i.issue_id = m.issue_id
    where true {{ and_stale("m.space_key, m.project_id, date_trunc('week', m.day::timestamp)::date") }}
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
