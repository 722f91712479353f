-- How long issues took that became done in a month (of the space's zone), by project: percentiles of lead and cycle time.
select
    i.space_key,
    i.project_id,
    i.project_key,
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
where i.done_day is not null and not i.is_deleted
group by 1, 2, 3, 4
