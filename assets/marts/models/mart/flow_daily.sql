-- How many issues were in each stage at the end of each day (in the space's zone), and how many came into it and left it that day; the
-- days of a project go from its first issue to the day of the newest change of the space. Issues that are gone do not count.
with moves as (
    select v.space_key, v.project_id, v.stage, (v.valid_from at time zone i.timezone)::date as day, 1 as entered, 0 as left_it
    from {{ ref('issue_status_interval') }} as v
    join {{ ref('stg_issue') }} as i on i.space_key = v.space_key and i.issue_id = v.issue_id
    where not v.is_deleted
    union all
    select v.space_key, v.project_id, v.stage, (v.valid_to at time zone i.timezone)::date, 0, 1
    from {{ ref('issue_status_interval') }} as v
    join {{ ref('stg_issue') }} as i on i.space_key = v.space_key and i.issue_id = v.issue_id
    where not v.is_deleted and v.valid_to is not null
),
days as (
    select m.space_key, m.project_id, d.day::date as day, s.stage
    from (
        select space_key, project_id, min(day) as first_day
        from moves
        group by space_key, project_id
    ) as m
    join {{ ref('space_today') }} as z on z.space_key = m.space_key
    cross join lateral generate_series(m.first_day, greatest(z.day, m.first_day), interval '1 day') as d (day)
    cross join (values ('waiting'), ('active'), ('review'), ('done')) as s (stage)
),
sums as (
    select space_key, project_id, stage, day, sum(entered) as entered, sum(left_it) as left_it
    from moves
    group by space_key, project_id, stage, day
)
select
    d.space_key,
    d.project_id,
    p.project_key,
    d.day,
    d.stage,
    coalesce(s.entered, 0) as entered,
    coalesce(s.left_it, 0) as left_stage,
    sum(coalesce(s.entered, 0) - coalesce(s.left_it, 0)) over (
        partition by d.space_key, d.project_id, d.stage order by d.day
    ) as issues
from days as d
left join sums as s on s.space_key = d.space_key and s.project_id = d.project_id and s.stage = d.stage and s.day = d.day
left join {{ source('raw', 'projects') }} as p on p.space_key = d.space_key and p.id = d.project_id
