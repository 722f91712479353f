-- How many issues were in each stage at the end of each day (in the space's zone), and how many came into it and left it that day; the
-- days of a project go from its first issue to the day of the newest change of the space. Issues that are gone do not count.
with moves as (
    select v.space_key, v.project_id, v.stage, (v.valid_from at time zone t.timezone)::date as day, 1 as entered, 0 as left_stage
    from {{ ref('issue_status_interval') }} as v
    join {{ ref('space_today') }} as t on t.space_key = v.space_key
    where not v.is_deleted
    union all
    select v.space_key, v.project_id, v.stage, (v.valid_to at time zone t.timezone)::date, 0, 1
    from {{ ref('issue_status_interval') }} as v
    join {{ ref('space_today') }} as t on t.space_key = v.space_key
    where not v.is_deleted and v.valid_to is not null
),
sums as (
    select space_key, project_id, stage, day, sum(entered) as entered, sum(left_stage) as left_stage
    from moves
    group by space_key, project_id, stage, day
    union all
    -- A line for each day and stage, also where nothing moved.
    select f.space_key, f.project_id, s.stage, d.day::date, 0, 0
    from (
        select space_key, project_id, min(day) as first_day, max(day) as last_day
        from moves
        group by space_key, project_id
    ) as f
    join {{ ref('space_today') }} as t on t.space_key = f.space_key
    cross join lateral generate_series(f.first_day, greatest(t.day, f.last_day), interval '1 day') as d (day)
    cross join (values ('waiting'), ('active'), ('review'), ('done')) as s (stage)
),
days as (
    select space_key, project_id, stage, day, sum(entered)::bigint as entered, sum(left_stage)::bigint as left_stage
    from sums
    group by space_key, project_id, stage, day
)
select
    d.space_key,
    d.project_id,
    p.project_key,
    d.day,
    d.stage,
    d.entered,
    d.left_stage,
    sum(d.entered - d.left_stage) over (partition by d.space_key, d.project_id, d.stage order by d.day) as issues
from days as d
left join {{ source('raw', 'projects') }} as p on p.space_key = d.space_key and p.id = d.project_id
