-- How long issues took that became done in a month (of the space's zone), by project: percentiles of lead and cycle time.
-- Lead time of an issue that is done: from its creation until it last became done. Cycle time: from its first status of the stage
-- active or review until then; none if it became done without one, or before it. So issue.sql has, for each issue:
--   lead_seconds = last_done_at - created_at, cycle_seconds = last_done_at - first_started_at where first_started_at <= last_done_at.
{{ config(
    meta={'groups': 'space_key, project_id, done_month'},
    post_hook="{{ names_of_today('project_key', source('raw', 'projects'), 'project_key', 'id', 'project_id') }}"
) }}
select
    i.space_key,
    i.done_project_id as project_id,
    p.project_key,
    date_trunc('month', i.done_day::timestamp)::date as done_month,
    count(*) as issues,
    count(i.cycle_seconds) as started_issues,
    percentile_cont(0.5) within group (order by i.lead_seconds) as lead_seconds_median,
    percentile_cont(0.85) within group (order by i.lead_seconds) as lead_seconds_p85,
    percentile_cont(0.95) within group (order by i.lead_seconds) as lead_seconds_p95,
    percentile_cont(0.5) within group (order by i.cycle_seconds) as cycle_seconds_median,
    percentile_cont(0.85) within group (order by i.cycle_seconds) as cycle_seconds_p85,
    percentile_cont(0.95) within group (order by i.cycle_seconds) as cycle_seconds_p95
from {{ ref('issue') }} as i
left join {{ source('raw', 'projects') }} as p on p.space_key = i.space_key and p.id = i.done_project_id
where i.done_day is not null and not i.is_deleted {{ and_stale("i.space_key, i.done_project_id, date_trunc('month', i.done_day::timestamp)::date") }}
group by 1, 2, 3, 4
