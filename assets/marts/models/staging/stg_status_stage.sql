-- The stage of each status that a project has, had or changed to. Where the id is known it goes by the name of today, so that a status
-- that was renamed has one stage, before as after; where the history has no id (0), by the name of that time. A name counts by the
-- project's own line of the map, then that of all, then the four built-in ids, then as active. Read from the raw tables, since it also
-- says which issues are changed.
{{ config(pre_hook="{{ hashed() if flags.FULL_REFRESH else by_index() }}") }}
{% set statuses, issues, changes = source('raw', 'statuses'), source('raw', 'issues'), source('raw', 'issue_changes') %}
{% set known = load_relation(this) if execute and not flags.FULL_REFRESH %}
{% set since = built_until() %}
{% set moved = ref('stg_issue_project') %}
-- Materialized: the name in the payload is slow to reach, and of few issues it is needed.
with renamed as materialized (
    select i.space_key, i.project_id, i.status_id, i.payload
    from {{ issues }} as i
    where not exists (
        select from {{ statuses }} as s where s.space_key = i.space_key and s.project_id = i.project_id and s.id = i.status_id
    )
    {% if known %}
        and i.loaded_at >= {{ since }}
    {% endif %}
),
logged as (
    {% for table in (('c', 'i') if known else ('c',)) %}
    {{ 'union' if not loop.first }}
    select distinct c.space_key, coalesce(m.project_id, i.project_id) as project_id, c.old_value, c.old_id, c.new_value, c.new_id
    from {{ changes }} as c
    join {{ issues }} as i on i.space_key = c.space_key and i.id = c.issue_id
    -- In each project that the issue was in: a status may stay when it moves.
    left join {{ moved }} as m on m.space_key = c.space_key and m.issue_id = c.issue_id
    where c.field = 'status' and {{ is_reported('c') }}
    {% if known %}
        and {{ table }}.loaded_at >= {{ since }}
    {% endif %}
    {% endfor %}
),
{% if known %}
earlier as materialized (
    select k.space_key, k.project_id, k.status_id, k.status, s.id is null as is_gone
    from {{ this }} as k
    left join {{ statuses }} as s on s.space_key = k.space_key and s.project_id = k.project_id and s.id = k.status_id
    where s.name is distinct from k.status
),
-- Those of the last build that something older names still; the first that is found is enough.
named_still as (
    select k.*
    from earlier as k
    cross join lateral (
        select
        from {{ issues }} as i
        where i.space_key = k.space_key and i.project_id = k.project_id and k.is_gone
            and coalesce(i.status_id, 0) = k.status_id and i.payload #>> '{status,name}' = k.status
        union all
        select
        from (
            select i.id from {{ issues }} as i where i.space_key = k.space_key and i.project_id = k.project_id
            union all
            select m.issue_id from {{ moved }} as m where m.space_key = k.space_key and m.project_id = k.project_id
        ) as i
        join {{ changes }} as c on c.space_key = k.space_key and c.issue_id = i.id
        where c.field = 'status' and {{ is_reported('c') }}
            and ((coalesce(c.old_id, 0), c.old_value) = (k.status_id, k.status) or (coalesce(c.new_id, 0), c.new_value) = (k.status_id, k.status))
        limit 1
    ) as found
),
{% endif %}
statuses as (
    select space_key, project_id, id as status_id, name as status from {{ statuses }}
    union
    select space_key, project_id, coalesce(status_id, 0), payload #>> '{status,name}' from renamed
    union
    select c.space_key, c.project_id, coalesce(v.status_id, 0), v.status
    from logged as c
    cross join lateral (values (c.old_value, c.old_id), (c.new_value, c.new_id)) as v (status, status_id)
    {% if known %}
    union
    select space_key, project_id, status_id, status from named_still
    {% endif %}
),
map as (
    select coalesce(project_key, '') as project_key, status, stage from {{ ref('status_map') }}
),
named as (
    select
        n.space_key,
        n.project_id,
        n.status_id,
        n.status,
        coalesce(s.name, n.status) as status_today,
        -- Without an id: the first that is known to have had the name.
        coalesce(nullif(n.status_id, 0), min(nullif(n.status_id, 0)) over (partition by n.space_key, n.project_id, n.status)) as id
    from statuses as n
    left join {{ source('raw', 'statuses') }} as s
        on s.space_key = n.space_key and s.project_id = n.project_id and s.id = n.status_id
    where n.status is not null
)
select
    n.space_key,
    n.project_id,
    n.status_id,
    n.status,
    n.status_today,
    coalesce(
        own.stage,
        every.stage,
        case n.id when 1 then 'waiting' when 2 then 'active' when 3 then 'review' when 4 then 'done' end,
        'active'
    ) as stage,
    own.stage is null and every.stage is null and (n.id is null or n.id not between 1 and 4) as is_guess
from named as n
left join {{ source('raw', 'projects') }} as p on p.space_key = n.space_key and p.id = n.project_id
left join map as own on own.project_key = p.project_key and own.status = n.status_today
left join map as every on every.project_key = '' and every.status = n.status_today
