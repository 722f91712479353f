-- The state of an issue at the end of each day on which it changed (in the space's zone), and until which day that held; null while it
-- holds. Of several changes in a day the last counts.
{% set timelines = {
    'status': ref('issue_status_interval'), 'assignee': ref('issue_assignee_interval'), 'due_date': ref('due_date'),
    'estimate': 'estimates', 'hours': 'hours', 'milestones': 'milestones',
    'type': 'types', 'priority': 'priorities', 'start_date': 'start_dates', 'categories': 'categories'
} %}
{% set state = [
    'project_id', 'project_key', 'issue_type_id', 'issue_type', 'status_id', 'status', 'stage', 'priority_id', 'priority',
    'assignee_id', 'assignee', 'start_date', 'due_date', 'estimated_hours', 'actual_hours', 'milestone_ids', 'category_ids'
] %}
with estimates as (
    {{ timeline(
        'estimated_hours',
        {'estimated_hours': [
            'i.estimated_hours', shown_number('c.old_value'), shown_number('c.new_value'), 'u.SIDE_value::numeric'
        ]}
    ) }}
),
hours as (
    {{ timeline(
        'actual_hours',
        {'actual_hours': ['i.actual_hours', shown_number('c.old_value'), shown_number('c.new_value'), 'u.SIDE_value::numeric']}
    ) }}
),
milestones as (
    {{ timeline(
        'milestone',
        {'milestone_ids': [
            'i.milestone_ids',
            "case when c.old_value is null then '{}' else c.old_ids end",
            "case when c.new_value is null then '{}' else coalesce(c.new_ids, u.old_value::bigint[]) end",
            'u.SIDE_value::bigint[]'
        ]}
    ) }}
),
types as (
    {{ logged_timeline('issue_type', {'issue_type_id': ['c.old_id', 'c.new_id'], 'issue_type': ['c.old_value', 'c.new_value']}) }}
),
priorities as (
    {{ logged_timeline('priority', {'priority_id': ['c.old_id', 'c.new_id'], 'priority': ['c.old_value', 'c.new_value']}) }}
),
start_dates as (
    {{ logged_timeline('start_date', {'start_date': [shown_date('c.old_value'), shown_date('c.new_value')]}) }}
),
categories as (
    {{ logged_timeline('category', {'category_ids': ["coalesce(c.old_ids, '{}')", "coalesce(c.new_ids, '{}')"]}) }}
),
points as (
    {%- for name, timeline in timelines.items() %}
    select v.space_key, v.issue_id, v.valid_from
        {%- for other in timelines %}, {{ 'v.position' if other == name else 'null::bigint' }} as {{ other }}_at{% endfor %}
    from {{ timeline }} as v
    where true {{ and_targeted('v') }}
    {{ 'union all' if not loop.last }}
    {%- endfor %}
),
days as (
    select
        p.space_key,
        p.issue_id,
        (greatest(p.valid_from, i.created_at) at time zone i.timezone)::date as first_day
        {%- for name in timelines %},
        max(p.{{ name }}_at) as {{ name }}_at
        {%- endfor %}
    from points as p
    join {{ ref('stg_issue') }} as i on i.space_key = p.space_key and i.issue_id = p.issue_id
    group by 1, 2, 3
),
states as (
    select
        space_key,
        issue_id,
        first_day
        {%- for name in timelines %},
        max({{ name }}_at) over following as {{ name }}_at
        {%- endfor %}
    from days
    window following as (partition by space_key, issue_id order by first_day)
),
named as (
    select
        h.space_key,
        h.issue_id,
        s.project_id,
        case when stay.project_id is not null then stay.project_key else i.project_key end as project_key,
        i.issue_key,
        h.first_day,
        -- An issue that is gone was there until the day before it was found gone.
        (i.deleted_at at time zone i.timezone)::date as gone_day,
        {{ logged_value('t', 'issue_type_id') }},
        {{ logged_value('t', 'issue_type') }},
        s.status_id,
        -- What it is now goes by its name of today, as in `issue`.
        case when s.is_last then i.status else s.status end as status,
        s.stage,
        case when coalesce(pr.is_last, true) then i.priority_id else pr.priority_id end as priority_id,
        case when coalesce(pr.is_last, true) then i.priority else pr.priority end as priority,
        a.assignee_id,
        case when a.is_last then i.assignee else a.assignee end as assignee,
        case when coalesce(st.is_last, true) then i.start_date else st.start_date end as start_date,
        d.due_date,
        e.estimated_hours,
        w.actual_hours,
        -- A list of which the history lacks an id counts as empty; the last one is today's, in the order of the source.
        case when m.valid_to is null then i.milestone_ids else coalesce(m.milestone_ids, '{}') end as milestone_ids,
        {{ logged_value('ca', 'category_ids') }}
    from states as h
    join {{ ref('stg_issue') }} as i on i.space_key = h.space_key and i.issue_id = h.issue_id
    join {{ ref('issue_status_interval') }} as s
        on s.space_key = h.space_key and s.issue_id = h.issue_id and s.position = h.status_at
    {{ join_stay('s', 's.valid_from') }}
    join {{ ref('issue_assignee_interval') }} as a
        on a.space_key = h.space_key and a.issue_id = h.issue_id and a.position = h.assignee_at
    join {{ ref('due_date') }} as d
        on d.space_key = h.space_key and d.issue_id = h.issue_id and d.position = h.due_date_at
    join estimates as e on e.space_key = h.space_key and e.issue_id = h.issue_id and e.position = h.estimate_at
    join hours as w on w.space_key = h.space_key and w.issue_id = h.issue_id and w.position = h.hours_at
    join milestones as m on m.space_key = h.space_key and m.issue_id = h.issue_id and m.position = h.milestones_at
    left join types as t on t.space_key = h.space_key and t.issue_id = h.issue_id and t.position = h.type_at
    left join priorities as pr
        on pr.space_key = h.space_key and pr.issue_id = h.issue_id and pr.position = h.priority_at
    left join start_dates as st
        on st.space_key = h.space_key and st.issue_id = h.issue_id and st.position = h.start_date_at
    left join categories as ca
        on ca.space_key = h.space_key and ca.issue_id = h.issue_id and ca.position = h.categories_at
),
-- What was changed and changed back within a day, or is in the log without another value, begins no row.
compared as (
    select n.*, lag(v.state) over following is distinct from v.state as is_new
    from named as n
    cross join lateral (select row({{ state | join(', ') }}) as state) as v
    where n.gone_day is null or n.first_day < n.gone_day
    window following as (partition by n.space_key, n.issue_id order by n.first_day)
)
select
    space_key,
    issue_id,
    project_id,
    project_key,
    issue_key,
    first_day,
    least(lead(first_day) over (partition by space_key, issue_id order by first_day), gone_day) - 1 as last_day
    {%- for column in state if column not in ('project_id', 'project_key') %},
    {{ column }}
    {%- endfor %}
from compared
where is_new
