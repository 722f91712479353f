-- Issues in progress (active or review): how long they have been so since they were last started, and how that compares with finished
-- issues of the same project and type, or of the project where those are fewer than ten.
with finished as (
    select space_key, project_id, coalesce(issue_type, '') as issue_type, cycle_seconds
    from {{ ref('issue') }}
    where cycle_seconds is not null and not is_deleted
),
-- The times of finished issues in order: how many are no longer than an age is found by halving.
peers_of_type as (
    select space_key, project_id, issue_type, array_agg(cycle_seconds order by cycle_seconds) as times
    from finished
    group by space_key, project_id, issue_type
    having count(*) >= 10
),
ages as (
    select
        i.*,
        t.as_of,
        {{ seconds_between('i.last_started_at', 't.as_of') }} as age_seconds,
        {{ worked_until('d2', 't.as_of at time zone t.timezone') }}
            - {{ worked_until('d1', 'i.last_started_at at time zone t.timezone') }} as age_working_seconds
    from {{ ref('issue') }} as i
    join {{ ref('space_today') }} as t on t.space_key = i.space_key
    left join {{ ref('calendar') }} as d1 on d1.space_key = i.space_key and d1.day = (i.last_started_at at time zone t.timezone)::date
    left join {{ ref('calendar') }} as d2 on d2.space_key = i.space_key and d2.day = t.day
    where i.stage in ('active', 'review') and not i.is_deleted
),
compared as (
    select a.*, k.times
    from ages as a
    left join peers_of_type as k
        on k.space_key = a.space_key and k.project_id = a.project_id and k.issue_type = coalesce(a.issue_type, '')
),
peers_of_project as (
    select space_key, project_id, array_agg(cycle_seconds order by cycle_seconds) as times
    from finished
    where (space_key, project_id) in (select space_key, project_id from compared where times is null)
    group by space_key, project_id
),
ranked as (
    select
        a.*,
        coalesce(cardinality(coalesce(a.times, p.times)), 0) as peers,
        width_bucket(a.age_seconds, coalesce(a.times, p.times)) as no_longer
    from compared as a
    left join peers_of_project as p on p.space_key = a.space_key and p.project_id = a.project_id
)
select
    space_key,
    project_id,
    project_key,
    is_archived,
    issue_id,
    issue_key,
    summary,
    issue_type_id,
    issue_type,
    priority_id,
    priority,
    status_id,
    status,
    stage,
    assignee_id,
    assignee,
    first_started_at,
    last_started_at,
    status_since,
    as_of,
    age_seconds,
    age_working_seconds,
    peers::bigint as peers,
    no_longer::numeric / nullif(peers, 0) as share_of_peers_faster,
    case
        when peers < 5 then 'unknown'
        when no_longer < 0.5 * peers then 'low'
        when no_longer < 0.85 * peers then 'medium'
        else 'high'
    end as risk
from ranked
