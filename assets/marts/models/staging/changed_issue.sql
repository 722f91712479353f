-- The issues that are built anew: those of which something was written since the last build began, of which a name has changed, whose
-- status has got another stage, that have or had a milestone with another due date, the parents of all these, children whose parent has
-- another key, and those that the raw table has no more. A build of all marts empties the list when it is done. One that ends halfway
-- leaves it to the next, which might not find them again: some are found by what the first has already repaired.
{{ config(pre_hook="{{ hashed() }}", post_hook='analyze {{ this }}') }}
{% set stages, builds = ref('stg_status_stage'), source('ops', 'mart_builds') %}
{% if flags.FULL_REFRESH %}
select space_key, id as issue_id from {{ source('raw', 'issues') }}
{% else %}
{% set existing = adapter.get_relation(database=target.database, schema='mart', identifier='issue_status_interval') %}
{% set unlogged = adapter.get_relation(database=target.database, schema='staging', identifier='stg_unlogged_change') %}
{% set steps = adapter.get_relation(database=target.database, schema='mart', identifier='burn_step') %}
{% set staged = adapter.get_relation(database=target.database, schema='staging', identifier='stg_issue') %}
with since as (
    select coalesce(
        (select case when ended_at is null then since else began_at end from {{ builds }} order by id desc limit 1), '-infinity'
    ) as at
),
users as (
    select space_key, id from {{ source('raw', 'users') }} where loaded_at >= (select at from since)
),
projects as (
    select space_key, id from {{ source('raw', 'projects') }} where loaded_at >= (select at from since)
    {% for master in ('statuses', 'issue_types', 'categories', 'versions', 'custom_fields') %}
    union
    select space_key, project_id from {{ source('raw', master) }} where loaded_at >= (select at from since)
    {% endfor %}
),
spaces as (
    select space_key from {{ source('ops', 'spaces') }} where changed_at >= (select at from since)
    {% for master in ('space', 'priorities', 'resolutions') %}
    union
    select space_key from {{ source('raw', master) }} where loaded_at >= (select at from since)
    {% endfor %}
),
changed as (
    select space_key, id as issue_id from {{ source('raw', 'issues') }} where loaded_at >= (select at from since)
    {% for history in ('comments', 'issue_changes') %}
    union
    select space_key, issue_id from {{ source('raw', history) }} where loaded_at >= (select at from since)
    union
    select h.space_key, h.issue_id
    from users as u
    join {{ source('raw', history) }} as h on h.space_key = u.space_key and h.created_user_id = u.id
    {% endfor %}
    union
    select i.space_key, i.id
    from users as u
    join {{ source('raw', 'issues') }} as i on i.space_key = u.space_key and u.id in (i.assignee_id, i.created_user_id)
    union
    select i.space_key, i.id
    from projects as p
    join {{ source('raw', 'issues') }} as i on i.space_key = p.space_key and i.project_id = p.id
    union
    select i.space_key, i.id
    from spaces as s
    join {{ source('raw', 'issues') }} as i on i.space_key = s.space_key
    {% if unlogged %}
    union
    select c.space_key, c.issue_id
    from users as u
    join {{ unlogged }} as c
        on c.space_key = u.space_key and c.field = 'assignee' and u.id::text in (c.old_value, c.new_value)
    {% endif %}
    {% if existing %}
    union
    select v.space_key, v.issue_id
    from {{ existing }} as v
    join {{ stages }} as s
        on s.space_key = v.space_key and s.project_id = v.project_id and s.status_id = coalesce(v.status_id, 0) and s.status = v.status
    where s.stage <> v.stage
    {% endif %}
    {% if steps %}
    union
    -- Also of the time before an issue has moved to another project.
    select b.space_key, b.issue_id
    from {{ source('raw', 'versions') }} as v
    join {{ steps }} as b on b.space_key = v.space_key and b.milestone_id = v.id
    where v.loaded_at >= (select at from since)
    {% endif %}
)
select space_key, issue_id from changed
{% if load_relation(this) %}
union
select space_key, issue_id from {{ this }}
{% endif %}
union
select i.space_key, i.parent_issue_id
from changed as t
join {{ source('raw', 'issues') }} as i on i.space_key = t.space_key and i.id = t.issue_id
where i.parent_issue_id is not null
{% if staged %}
union
select i.space_key, i.parent_issue_id
from changed as t
join {{ staged }} as i on i.space_key = t.space_key and i.issue_id = t.issue_id
where i.parent_issue_id is not null
union
select i.space_key, i.issue_id
from {{ staged }} as i
where not exists (select from {{ source('raw', 'issues') }} as r where r.space_key = i.space_key and r.id = i.issue_id)
union
select k.space_key, k.issue_id
from {{ staged }} as k
left join {{ staged }} as p on p.space_key = k.space_key and p.issue_id = k.parent_issue_id
left join {{ source('raw', 'issues') }} as r on r.space_key = k.space_key and r.id = k.parent_issue_id
where k.parent_issue_id is not null and p.issue_key is distinct from r.issue_key
{% endif %}
{% endif %}
