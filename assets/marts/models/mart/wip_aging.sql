-- Issues in progress (active or review): how long they have been so since they were last started, and how that compares with finished
-- issues of the same project and type, or of the project where those are fewer than ten.
with finished as (
    select space_key, project_id, issue_type, cycle_seconds as seconds
    from {{ ref('issue') }}
    where cycle_seconds is not null and not is_deleted
),
cohorts as (
    select space_key, project_id, issue_type, count(*) as peers
    from finished
    group by space_key, project_id, issue_type
),
ages as (
    select
        i.*,
        t.as_of,
        {{ seconds_between('i.last_started_at', 't.as_of') }} as age_seconds,
        {{ worked_until('d2', 't.as_of at time zone t.timezone') }}
            - {{ worked_until('d1', 'i.last_started_at at time zone t.timezone') }} as age_working_seconds,
        coalesce(c.peers, 0) >= 10 as is_by_type
    from {{ ref('issue') }} as i
    join {{ ref('space_today') }} as t on t.space_key = i.space_key
    left join cohorts as c
        on c.space_key = i.space_key and c.project_id = i.project_id and c.issue_type is not distinct from i.issue_type
    left join {{ ref('calendar') }} as d1 on d1.space_key = i.space_key and d1.day = (i.last_started_at at time zone t.timezone)::date
    left join {{ ref('calendar') }} as d2 on d2.space_key = i.space_key and d2.day = t.day
    where i.stage in ('active', 'review') and not i.is_deleted
),
-- Each age stands among its peers in the order of time, so that one pass counts those that took no longer.
ranked as (
    select
        issue_id,
        space_key,
        count(*) filter (where issue_id is null) over (partition by space_key, project_id, is_by_type, kind) as peers,
        count(*) filter (where issue_id is null) over (partition by space_key, project_id, is_by_type, kind order by seconds) as no_longer
    from (
        select space_key, project_id, true as is_by_type, issue_type as kind, seconds, null::bigint as issue_id from finished
        union all
        select space_key, project_id, false, null, seconds, null from finished
        union all
        select space_key, project_id, is_by_type, case when is_by_type then issue_type end, age_seconds, issue_id from ages
    ) as one_line
)
select
    a.space_key,
    a.project_id,
    a.project_key,
    a.issue_id,
    a.issue_key,
    a.summary,
    a.issue_type,
    a.status,
    a.stage,
    a.assignee_id,
    a.assignee,
    a.first_started_at,
    a.last_started_at,
    a.status_since,
    a.as_of,
    a.age_seconds,
    a.age_working_seconds,
    r.peers,
    r.no_longer::numeric / nullif(r.peers, 0) as share_of_peers_faster,
    case
        when r.peers < 5 then 'unknown'
        when r.no_longer < 0.5 * r.peers then 'low'
        when r.no_longer < 0.85 * r.peers then 'medium'
        else 'high'
    end as risk
from ages as a
join ranked as r on r.space_key = a.space_key and r.issue_id = a.issue_id
