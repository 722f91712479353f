-- One row per issue: what it is now, and what its history says.
{{ config(meta={'invalidates': {
    'person_project_day': [
        project_week('created_day', 'created_project_id'), project_week('done_day', 'done_project_id')
    ],
    'cycle_time': ["space_key, done_project_id, date_trunc('month', done_day::timestamp)::date"],
    'issue_tree': ['space_key, issue_id', 'space_key, parent_issue_id'],
}}) }}
{% set lists = {
    'categories': ('category_ids', 'categories'), 'milestones': ('milestone_ids', 'versions'), 'versions': ('version_ids', 'versions')
} %}
with status_facts as (
    select
        space_key,
        issue_id,
        min(valid_from) filter (where stage in ('active', 'review')) as first_started_at,
        min(valid_from) filter (where stage = 'done') as first_done_at,
        -- Since when it has been so without a break, whatever statuses the stage has.
        max(valid_from) filter (
            where stage in ('active', 'review') and stage_before is distinct from 'active' and stage_before is distinct from 'review'
        ) as last_started_at,
        max(valid_from) filter (where stage = 'done' and stage_before is distinct from 'done') as last_done_at,
        max(valid_from) filter (where not is_move) as status_since,
        max(stage) filter (where is_last) as stage,
        bool_or(is_last and stage = 'done') as is_done,
        (sum(seconds) filter (where stage = 'waiting'))::bigint as seconds_waiting,
        (sum(seconds) filter (where stage = 'active'))::bigint as seconds_active,
        (sum(seconds) filter (where stage = 'review'))::bigint as seconds_review,
        count(*) filter (where position > 0 and not is_inferred) as status_changes
    from {{ ref('issue_status_interval') }} as v
    where true {{ and_targeted('v') }}
    group by space_key, issue_id
),
change_facts as (
    select
        space_key,
        issue_id,
        count(*) filter (where field = 'assignee') as assignee_changes,
        count(*) filter (where field = 'due_date') as due_date_changes
    from {{ ref('stg_issue_change') }} as c
    where c.field in ('assignee', 'due_date') {{ and_targeted('c') }}
    group by space_key, issue_id
),
reopenings as (
    select space_key, issue_id, count(*) as reopen_count
    from {{ ref('reopen_event') }} as r
    where true {{ and_targeted('r') }}
    group by space_key, issue_id
),
comment_facts as (
    select
        c.space_key,
        c.issue_id,
        count(*) filter (where c.is_said) as comment_count,
        max(c.created_at) filter (where c.is_said) as last_comment_at,
        count(distinct c.created_user_id) as writers,
        min(c.created_at) filter (where c.is_said and c.created_user_id is distinct from i.created_user_id) as first_response_at,
        bool_or(c.created_user_id = i.created_user_id) as author_wrote
    from {{ ref('stg_comment') }} as c
    join {{ ref('stg_issue') }} as i on i.space_key = c.space_key and i.issue_id = c.issue_id
    where true {{ and_targeted('c') }}
    group by c.space_key, c.issue_id
),
children as (
    select space_key, parent_issue_id as issue_id, count(*) as child_count
    from {{ ref('stg_issue') }} as k
    where k.parent_issue_id is not null and k.deleted_at is null {{ and_targeted('k', 'parent_issue_id') }}
    group by space_key, parent_issue_id
),
{%- for names, (ids, table) in lists.items() %}
{{ names }} as (
    select u.space_key, u.issue_id, array_agg(m.name order by u.place) as names
        {{- ', min(m.release_due_date) as due_date' if names == 'milestones' else '' }}
    from (
        select i.space_key, i.issue_id, u.id, u.place
        from {{ ref('stg_issue') }} as i
        cross join lateral unnest(i.{{ ids }}) with ordinality as u (id, place)
        where true {{ and_targeted('i') }}
        -- Taken apart first: joined by hash then, not by a loop over all names for each issue.
        offset 0
    ) as u
    join {{ source('raw', table) }} as m on m.space_key = u.space_key and m.id = u.id
    group by u.space_key, u.issue_id
){{ ',' if not loop.last }}
{%- endfor %}
select
    i.space_key,
    i.issue_id,
    i.project_id,
    i.project_key,
    i.project_name,
    i.is_archived,
    i.issue_key,
    sp.url || '/view/' || i.issue_key as url,
    i.summary,
    i.issue_type_id,
    i.issue_type,
    i.status_id,
    i.status,
    s.stage,
    s.status_since,
    i.priority_id,
    i.priority,
    i.resolution_id,
    i.resolution,
    i.assignee_id,
    i.assignee,
    a.valid_from as assignee_since,
    i.created_user_id,
    i.created_by,
    i.parent_issue_id,
    parent.issue_key as parent_issue_key,
    coalesce(ch.child_count, 0) as child_count,
    i.category_ids,
    coalesce(ca.names, '{}') as categories,
    i.milestone_ids,
    coalesce(mi.names, '{}') as milestones,
    i.version_ids,
    coalesce(ve.names, '{}') as versions,
    i.created_at,
    (i.created_at at time zone i.timezone)::date as created_day,
    coalesce(made_in.project_id, i.project_id) as created_project_id,
    i.updated_at,
    s.first_started_at,
    s.last_started_at,
    s.first_done_at,
    case when s.is_done then s.last_done_at end as done_at,
    case when s.is_done then (s.last_done_at at time zone i.timezone)::date end as done_day,
    case when s.is_done then coalesce(done_in.project_id, i.project_id) end as done_project_id,
    case when s.is_done then {{ seconds_between('i.created_at', 's.last_done_at') }} end as lead_seconds,
    case
        when s.is_done and s.first_started_at <= s.last_done_at then {{ seconds_between('s.first_started_at', 's.last_done_at') }}
    end as cycle_seconds,
    case
        when s.is_done then
            {{ worked_until('w2', 's.last_done_at at time zone i.timezone') }} - {{ worked_until('w0', 'i.created_at at time zone i.timezone') }}
    end as lead_working_seconds,
    case
        when s.is_done and s.first_started_at <= s.last_done_at then
            {{ worked_until('w2', 's.last_done_at at time zone i.timezone') }}
            - {{ worked_until('w1', 's.first_started_at at time zone i.timezone') }}
    end as cycle_working_seconds,
    coalesce(s.seconds_waiting, 0) as seconds_waiting,
    coalesce(s.seconds_active, 0) as seconds_active,
    coalesce(s.seconds_review, 0) as seconds_review,
    s.status_changes,
    coalesce(r.reopen_count, 0) as reopen_count,
    coalesce(f.assignee_changes, 0) as assignee_changes,
    coalesce(f.due_date_changes, 0) as due_date_changes,
    coalesce(c.comment_count, 0) as comment_count,
    coalesce(c.writers, 0) + case when coalesce(c.author_wrote, false) or i.created_user_id is null then 0 else 1 end as participants,
    c.last_comment_at,
    c.first_response_at,
    {{ seconds_between('i.created_at', 'c.first_response_at') }} as first_response_seconds,
    i.start_date,
    i.due_date,
    mi.due_date as milestone_due_date,
    case
        when s.is_done and i.due_date is not null then (s.last_done_at at time zone i.timezone)::date > i.due_date
    end as was_late,
    case when not s.is_done then i.due_date + 1 end as overdue_from,
    i.estimated_hours,
    i.actual_hours,
    i.actual_hours - i.estimated_hours as hours_variance,
    i.deleted_at is not null as is_deleted,
    i.deleted_at
from {{ ref('stg_issue') }} as i
join status_facts as s on s.space_key = i.space_key and s.issue_id = i.issue_id
join {{ ref('issue_assignee_interval') }} as a on a.space_key = i.space_key and a.issue_id = i.issue_id and a.is_last
{{ join_stay('i', 'i.created_at', 'made_in') }}
{{ join_stay('i', 's.last_done_at', 'done_in') }}
left join change_facts as f on f.space_key = i.space_key and f.issue_id = i.issue_id
left join reopenings as r on r.space_key = i.space_key and r.issue_id = i.issue_id
left join comment_facts as c on c.space_key = i.space_key and c.issue_id = i.issue_id
left join children as ch on ch.space_key = i.space_key and ch.issue_id = i.issue_id
left join categories as ca on ca.space_key = i.space_key and ca.issue_id = i.issue_id
left join milestones as mi on mi.space_key = i.space_key and mi.issue_id = i.issue_id
left join versions as ve on ve.space_key = i.space_key and ve.issue_id = i.issue_id
left join {{ ref('stg_issue') }} as parent on parent.space_key = i.space_key and parent.issue_id = i.parent_issue_id
left join {{ source('ops', 'spaces') }} as sp on sp.space_key = i.space_key
left join {{ ref('calendar') }} as w0 on w0.space_key = i.space_key and w0.day = (i.created_at at time zone i.timezone)::date
left join {{ ref('calendar') }} as w1 on w1.space_key = i.space_key and w1.day = (s.first_started_at at time zone i.timezone)::date
left join {{ ref('calendar') }} as w2 on w2.space_key = i.space_key and w2.day = (s.last_done_at at time zone i.timezone)::date
where true {{ and_targeted('i') }}
