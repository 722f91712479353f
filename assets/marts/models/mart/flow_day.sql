-- How many issues of each type were in each stage at the end of each day (in the space's zone), how many came into it that day (made in
-- it, or from another stage) and how many left it for another, by the type of today; from the first to the last day on which something
-- moved in a project and type. Issues that are gone do not count.
{% set groups = 'space_key, project_id, issue_type' %}
{{ config(meta={'groups': groups}, post_hook="{{ names_of_today('project_key', source('raw', 'projects'), 'project_key', 'id', 'project_id') }}") }}
with moves as (
    select * from {{ ref('flow_move') }} where true {{ and_stale(groups) }}
),
sums as (
    select space_key, project_id, issue_type, stage, day, entered, left_stage
    from moves
    union all
    -- A line for each day and stage, also where nothing moved.
    select f.space_key, f.project_id, f.issue_type, s.stage, d.day::date, 0, 0
    from (
        select space_key, project_id, issue_type, min(day) as first_day, max(day) as last_day
        from moves
        group by space_key, project_id, issue_type
    ) as f
    cross join lateral generate_series(f.first_day::timestamp, f.last_day, interval '1 day') as d (day)
    cross join (values ('waiting'), ('active'), ('review'), ('done')) as s (stage)
),
days as (
    select space_key, project_id, issue_type, stage, day, sum(entered)::bigint as entered, sum(left_stage)::bigint as left_stage
    from sums
    group by space_key, project_id, issue_type, stage, day
)
select
    d.space_key,
    d.project_id,
    p.project_key,
    d.issue_type,
    d.day,
    d.stage,
    d.entered,
    d.left_stage,
    (sum(d.entered - d.left_stage) over following)::bigint as issues,
    lead(d.day) over following is null as is_last
from days as d
left join {{ source('raw', 'projects') }} as p on p.space_key = d.space_key and p.id = d.project_id
window following as (partition by d.space_key, d.project_id, d.issue_type, d.stage order by d.day)
