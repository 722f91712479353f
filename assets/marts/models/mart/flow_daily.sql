-- Cumulative flow up to today: the days of flow_day, and each day since the last of them, on which the stock stays as it was.
{{ config(materialized='view') }}
select space_key, project_id, project_key, issue_type, day, stage, entered, left_stage, issues
from {{ ref('flow_day') }}
union all
select f.space_key, f.project_id, f.project_key, f.issue_type, d.day::date, f.stage, 0, 0, f.issues
from {{ ref('flow_day') }} as f
join {{ ref('space_today') }} as t on t.space_key = f.space_key
cross join lateral generate_series(
    f.day + interval '1 day', greatest(t.day, (now() at time zone t.timezone)::date), interval '1 day'
) as d (day)
where f.is_last
