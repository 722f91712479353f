-- Changes of issues that no change log has, as after a status was deleted with a substitute: what the field had before and after, and
-- when that was. Each has its place after a change of the log (`after_change`, 0: before the first) and keeps it, and its date, whatever
-- happens to the issue later.
--
-- A load has seen each of them between two versions of the issue, and has dated it then (`ops.observed_changes`). Of what was so
-- already in the first version, the date is that of the version. A change is in the log when the last one up to the version leads to
-- its value; so a log that is read later takes back what was taken for a change without one.
with seen as (
    select
        o.space_key,
        o.issue_id,
        o.id,
        o.field,
        {% for side in ('old', 'new') %}
        case
            when o.field = 'estimated_hours' then trim_scale(nullif(o.{{ side }}_value::numeric, 0))::text
            when o.field = 'actual_hours' then trim_scale(o.{{ side }}_value::numeric)::text
            when o.field = 'milestone' then {{ sorted_ids("o." ~ side ~ "_value::bigint[]") }}
            else o.{{ side }}_value
        end as {{ side }}_value,
        {% endfor %}
        o.updated_before,
        o.updated_at,
        o.changed_at,
        o.evidence
    from {{ source('ops', 'observed_changes') }} as o
    where true {{ and_targeted('o') }}
),
changes as (
    select
        c.space_key,
        c.issue_id,
        c.field,
        c.change_number,
        c.changed_at,
        c.is_last_change,
        c.new_value as name,
        case c.field
            when 'due_date' then {{ shown_date('c.new_value') }}::text
            when 'estimated_hours' then trim_scale({{ shown_number('c.new_value') }})::text
            when 'actual_hours' then trim_scale({{ shown_number('c.new_value') }})::text
            when 'milestone' then case when c.new_value is null or c.new_ids is not null then {{ sorted_ids('c.new_ids') }} end
            else c.new_id::text
        end as value,
        -- Of a name that means nothing, or two things, the log has no id.
        c.field in ('due_date', 'estimated_hours', 'actual_hours')
        or c.new_value is null
        or case when c.field = 'milestone' then c.new_ids is not null else c.new_id is not null end as is_reported
    from {{ ref('stg_issue_change') }} as c
    where c.field in ('status', 'assignee', 'due_date', 'estimated_hours', 'actual_hours', 'milestone') {{ and_targeted('c') }}
),
-- Of each field that has a history its value in the first version of the issue that was seen, and today's.
versions as (
    select
        i.space_key,
        i.issue_id,
        i.project_id,
        t.field,
        t.value as value_today,
        t.name as name_today,
        case when f.issue_id is null then t.value else f.old_value end as first_value,
        coalesce(v.updated_before, i.updated_at, i.created_at) as first_updated_at
    from {{ ref('stg_issue') }} as i
    cross join lateral ({{ values_today() }}) as t (field, value, name)
    left join (
        select distinct on (space_key, issue_id) space_key, issue_id, updated_before
        from seen
        order by space_key, issue_id, id
    ) as v on v.space_key = i.space_key and v.issue_id = i.issue_id
    left join (
        select distinct on (space_key, issue_id, field) space_key, issue_id, field, old_value
        from seen
        order by space_key, issue_id, field, id
    ) as f on f.space_key = i.space_key and f.issue_id = i.issue_id and f.field = t.field
    -- A join, since the planner may look up an `exists` behind an `or` for each row, far too slow for many issues.
    left join (select distinct space_key, issue_id, field from changes) as c
        on c.space_key = i.space_key and c.issue_id = i.issue_id and c.field = t.field
    where (f.issue_id is not null or c.issue_id is not null) {{ and_targeted('i') }}
),
candidates as (
    select s.space_key, s.issue_id, s.field, s.id, s.old_value, s.new_value, s.updated_before, s.updated_at, s.changed_at, s.evidence
    from seen as s
    -- From no estimate to one of 0 is no change.
    where s.field not in ('updated_at', 'project', 'issue_type', 'category')
        and (s.field <> 'estimated_hours' or s.old_value is distinct from s.new_value)
    union all
    select space_key, issue_id, field, 0, null, first_value, '-infinity', first_updated_at, first_updated_at, 'first version'
    from versions
),
placed as (
    select k.*, coalesce(max(c.change_number), 0) as after_change
    from candidates as k
    left join changes as c
        on c.space_key = k.space_key and c.issue_id = k.issue_id and c.field = k.field and c.changed_at <= k.updated_at
    group by k.space_key, k.issue_id, k.field, k.id, k.old_value, k.new_value, k.updated_before, k.updated_at, k.changed_at, k.evidence
),
unlogged as (
    select k.*, a.changed_at as anchor_at
    from placed as k
    left join changes as a
        on a.space_key = k.space_key and a.issue_id = k.issue_id and a.field = k.field and a.change_number = k.after_change
    left join versions as v on v.space_key = k.space_key and v.issue_id = k.issue_id and v.field = k.field
    where (k.id > 0 or k.after_change > 0)
        and not exists (
            select from changes as c
            where c.space_key = k.space_key and c.issue_id = k.issue_id and c.field = k.field
                -- Times are whole seconds: of several changes in the last one, a version may show any.
                and (c.change_number = k.after_change or c.changed_at = k.updated_at)
                and case
                    when c.is_reported then c.value is not distinct from k.new_value
                    else c.changed_at > k.updated_before and k.id > 0
                        or k.field = 'milestone'
                        or k.new_value = v.value_today and c.name = v.name_today
                end
        )
),
-- The last value that is known of a field; where that is not today's, as while the log is ahead of the issue, today's wins.
ends as (
    select
        v.space_key,
        v.issue_id,
        v.field,
        9223372036854775807 as id,
        case when u.issue_id is not null then u.new_value else c.value end as old_value,
        v.value_today as new_value,
        coalesce(u.changed_at, c.changed_at) as changed_at,
        'not known' as evidence,
        coalesce(c.change_number, 0) as after_change,
        c.changed_at as anchor_at
    from versions as v
    left join changes as c on c.space_key = v.space_key and c.issue_id = v.issue_id and c.field = v.field and c.is_last_change
    left join (
        select distinct on (space_key, issue_id, field) * from unlogged order by space_key, issue_id, field, after_change desc, id desc
    ) as u
        on u.space_key = v.space_key and u.issue_id = v.issue_id and u.field = v.field
        and u.after_change = coalesce(c.change_number, 0)
    where case
        when u.issue_id is not null then u.new_value is distinct from v.value_today
        when c.is_reported then c.value is distinct from v.value_today
        when c.issue_id is not null then v.field <> 'milestone' and c.name is distinct from v.name_today
    end
),
together as (
    select space_key, issue_id, field, id, old_value, new_value, changed_at, evidence, after_change, anchor_at from unlogged
    union all
    select space_key, issue_id, field, id, old_value, new_value, changed_at, evidence, after_change, anchor_at from ends
)
select
    t.space_key,
    t.issue_id,
    i.project_id,
    i.issue_key,
    t.field,
    t.after_change,
    row_number() over following as number,
    -- Neither before the change that it follows nor after the next one.
    max(least(n.changed_at, greatest(t.changed_at, t.anchor_at))) over following as changed_at,
    t.old_value,
    coalesce(old_status.name, old_user.name, old_person.name, case when t.field in ('status', 'assignee') and t.old_value is not null then '(unknown)' end) as old_name,
    t.new_value,
    coalesce(
        new_status.name,
        new_user.name,
        new_person.name,
        case
            when t.field = 'status' and t.new_value = i.status_id::text then i.status
            when t.field = 'assignee' and t.new_value = i.assignee_id::text then i.assignee
            when t.field in ('status', 'assignee') and t.new_value is not null then '(unknown)'
        end
    ) as new_name,
    t.evidence
from together as t
join {{ ref('stg_issue') }} as i on i.space_key = t.space_key and i.issue_id = t.issue_id
left join changes as n
    on n.space_key = t.space_key and n.issue_id = t.issue_id and n.field = t.field and n.change_number = t.after_change + 1
{% for side in ('old', 'new') %}
-- By the project in which the issue was: at the moment of a move in the old one before it, in the new one after it.
left join {{ ref('stg_issue_project') }} as {{ side }}_stay
    on {{ side }}_stay.space_key = t.space_key and {{ side }}_stay.issue_id = t.issue_id
        {% if side == 'old' %}
        and old_stay.valid_from < t.changed_at and (t.changed_at <= old_stay.valid_to or old_stay.valid_to is null)
        {% else %}
        and new_stay.valid_from <= t.changed_at and (t.changed_at < new_stay.valid_to or new_stay.valid_to is null)
        {% endif %}
left join {{ source('raw', 'statuses') }} as {{ side }}_status
    on {{ side }}_status.space_key = t.space_key
        and {{ side }}_status.project_id = coalesce({{ side }}_stay.project_id, i.project_id)
        and {{ side }}_status.id = case when t.field = 'status' then t.{{ side }}_value::bigint end
left join {{ source('raw', 'users') }} as {{ side }}_user
    on {{ side }}_user.space_key = t.space_key and {{ side }}_user.id = case when t.field = 'assignee' then t.{{ side }}_value::bigint end
left join {{ ref('stg_issue_person') }} as {{ side }}_person
    on {{ side }}_person.space_key = t.space_key and {{ side }}_person.issue_id = t.issue_id
        and {{ side }}_person.user_id = case when t.field = 'assignee' then t.{{ side }}_value::bigint end
{% endfor %}
window following as (partition by t.space_key, t.issue_id, t.field, t.after_change order by t.id)
