-- The issues that are built anew: those of which something was written since the last build began, of which a name has changed, whose
-- status has got another stage, that have or had a milestone with another due date, those of a
-- project whose baseline has come, those with a date outside a calendar that has grown, the parents
-- of all these, children whose parent has another key, and those that the raw table has no more. A
-- build of all marts empties the list when it is done. One that ends halfway leaves it to the next,
-- which might not find them again: some are found by what the first has already repaired.
{{ config(pre_hook="{{ hashed() if flags.FULL_REFRESH else by_index() }}", post_hook='analyze {{ this }}') }}
{% set issues, stages, moved = source('raw', 'issues'), ref('stg_status_stage'), ref('stg_issue_project') %}
{% set baselines = ref('baselines') %}
{% if flags.FULL_REFRESH %}
select space_key, id as issue_id from {{ issues }}
{% else %}
{% set existing = adapter.get_relation(database=target.database, schema='mart', identifier='issue_status_interval') %}
{% set unlogged = adapter.get_relation(database=target.database, schema='staging', identifier='stg_unlogged_change') %}
{% set steps = adapter.get_relation(database=target.database, schema='mart', identifier='burn_step') %}
{% set staged = adapter.get_relation(database=target.database, schema='staging', identifier='stg_issue') %}
{% set plans = adapter.get_relation(database=target.database, schema='mart', identifier='issue_plan') %}
{% set basis = adapter.get_relation(database=target.database, schema='mart', identifier='plan_basis') %}
{% set since = built_until() %}
with users as (
    select space_key, id from {{ source('raw', 'users') }} where loaded_at >= {{ since }}
),
projects as (
    select space_key, id from {{ source('raw', 'projects') }} where loaded_at >= {{ since }}
    {% for master in ('statuses', 'issue_types', 'categories', 'versions', 'custom_fields') %}
    union
    select space_key, project_id from {{ source('raw', master) }} where loaded_at >= {{ since }}
    {% endfor %}
),
spaces as (
    select space_key from {{ source('ops', 'spaces') }} where changed_at >= {{ since }}
    {% for master in ('space', 'priorities', 'resolutions') %}
    union
    select space_key from {{ source('raw', master) }} where loaded_at >= {{ since }}
    {% endfor %}
),
written as (
    select space_key, id as issue_id from {{ issues }} where loaded_at >= {{ since }}
    {% for history in ('comments', 'issue_changes') %}
    union
    select space_key, issue_id from {{ source('raw', history) }} where loaded_at >= {{ since }}
    union
    select h.space_key, h.issue_id
    from users as u
    join {{ source('raw', history) }} as h on h.space_key = u.space_key and h.created_user_id = u.id
    {% endfor %}
    union
    select i.space_key, i.id
    from users as u
    join {{ issues }} as i on i.space_key = u.space_key and u.id in (i.assignee_id, i.created_user_id)
    union
    select i.space_key, i.id
    from projects as p
    join {{ issues }} as i on i.space_key = p.space_key and i.project_id = p.id
    union
    select m.space_key, m.issue_id
    from projects as p
    join {{ moved }} as m on m.space_key = p.space_key and m.project_id = p.id
    union
    select i.space_key, i.id
    from spaces as s
    join {{ issues }} as i on i.space_key = s.space_key
    {% if unlogged %}
    union
    select c.space_key, c.issue_id
    from users as u
    join {{ unlogged }} as c
        on c.space_key = u.space_key and c.field = 'assignee' and u.id::text in (c.old_value, c.new_value)
    {% endif %}
    {% if existing %}
    union
    select s.space_key, v.issue_id
    from {{ stages }} as s
    cross join lateral (
        {% for side in ('<', '>') %}
        {{ 'union all' if not loop.first }}
        select v.issue_id, v.status_id
        from {{ existing }} as v
        where v.space_key = s.space_key and v.project_id = s.project_id and v.status = s.status and v.stage {{ side }} s.stage
        {% endfor %}
    ) as v
    where coalesce(v.status_id, 0) = s.status_id
    {% endif %}
    {% if basis %}
    union
    select p.space_key, i.id
    from {{ baselines }} as b
    join {{ source('raw', 'projects') }} as p
        on p.project_key = b.project_key and p.space_key = coalesce(b.space_key, p.space_key)
    join {{ basis }} as t on t.space_key = p.space_key
        and b.baseline_day > t.day and b.baseline_day <= (
            select max(i.loaded_at)::date + 1 from {{ issues }} as i where i.space_key = p.space_key
        )
    join {{ issues }} as i on i.space_key = p.space_key and i.project_id = p.id
    {% endif %}
    {% if plans %}
    union
    select p.space_key, p.issue_id
    from {{ plans }} as p
    where p.is_outside_calendar and exists (
        select from {{ issues }} as i
        where i.space_key = p.space_key and i.loaded_at >= {{ since }}
            -- Of another year than the newest, or the oldest, before.
            and (
                i.updated_at >= (
                    select max(c.day) + 1 - interval '2 years'
                    from mart.calendar as c
                    where c.space_key = p.space_key
                )
                or i.created_at < (
                    select min(c.day) + interval '1 day'
                    from mart.calendar as c
                    where c.space_key = p.space_key
                )
            )
    )
    {% endif %}
    {% if steps %}
    union
    -- Also of the time before an issue has moved to another project.
    select b.space_key, b.issue_id
    from {{ source('raw', 'versions') }} as v
    join {{ steps }} as b on b.space_key = v.space_key and b.milestone_id = v.id
    where v.loaded_at >= {{ since }}
    {% endif %}
),
changed as (
    select space_key, issue_id from written
    {% if load_relation(this) %}
    union
    select space_key, issue_id from {{ this }}
    {% endif %}
    {% if staged %}
    union
    select i.space_key, i.issue_id
    from {{ staged }} as i
    where not exists (select from {{ issues }} as r where r.space_key = i.space_key and r.id = i.issue_id)
        -- Numbers tell whether there are any: an issue that is not staged yet was written since.
        and (select count(*) from {{ staged }}) <> (select count(*) from {{ issues }}) - (
            select count(*)
            from written as w
            join {{ issues }} as r on r.space_key = w.space_key and r.id = w.issue_id
            left join {{ staged }} as s on s.space_key = w.space_key and s.issue_id = w.issue_id
            where s.issue_id is null
        )
    {% endif %}
)
-- "offset 0": looked up one by one, by index. There are few as a rule, which the planner does not know.
select space_key, issue_id from changed
union
select t.space_key, f.issue_id
from changed as t
cross join lateral (
    select i.parent_issue_id as issue_id
    from {{ issues }} as i
    where i.space_key = t.space_key and i.id = t.issue_id and i.parent_issue_id is not null
    {% if staged %}
    union all
    select i.parent_issue_id
    from {{ staged }} as i
    where i.space_key = t.space_key and i.issue_id = t.issue_id and i.parent_issue_id is not null
    union all
    select k.issue_id
    from {{ staged }} as k
    left join {{ staged }} as p on p.space_key = k.space_key and p.issue_id = k.parent_issue_id
    left join {{ issues }} as r on r.space_key = k.space_key and r.id = k.parent_issue_id
    left join {{ source('raw', 'projects') }} as h on h.space_key = r.space_key and h.id = r.project_id
    where k.space_key = t.space_key and k.parent_issue_id = t.issue_id
        and p.issue_key is distinct from {{ key_of_today('r', 'h') }}
    {% endif %}
    offset 0
) as f
{% endif %}
