-- How far each table of each project is synced, and when the project was last proven equal. A view, so that it is never behind.
{{ config(materialized='view') }}
{% set tables = {
    'issues': 'updated_at', 'comments': 'created_at', 'issue_changes': 'created_at', 'activities': 'created_at',
    'project_members': none, 'statuses': none, 'issue_types': none, 'categories': none, 'versions': none, 'custom_fields': none
} %}
with rows as (
    {% for table, time in tables.items() %}
    {{ 'union all' if not loop.first }}
    select
        p.space_key,
        p.id as project_id,
        '{{ table }}' as table_name,
        {% if time %}(select max(r.{{ time }}) from {{ source('raw', table) }} as r where r.space_key = p.space_key and r.project_id = p.id)
        {% else %}null::timestamptz{% endif %} as newest_event_at,
        (select max(r.loaded_at) from {{ source('raw', table) }} as r where r.space_key = p.space_key and r.project_id = p.id)
            as newest_row_at,
        -- Comments and changes come with the issues, the feed has one state of the space.
        '{{ 'issues' if table in ('issues', 'comments', 'issue_changes') else 'activities' if table == 'activities' else '' }}' as scope,
        '{{ 'comments' if table == 'issue_changes' else table }}' as sync_type
    from {{ source('raw', 'projects') }} as p
    where p.deleted_at is null
    {% endfor %}
),
-- As resources/warehouse/history/sync_outcomes.py has it for the page: a sync without projects covers the whole space.
good as (
    select o.space_key, o.sync_type, covered.project_key, max(o.succeeded_at) as succeeded_at
    from {{ source('ops', 'sync_outcomes') }} as o
    left join lateral unnest(o.projects) as covered (project_key) on true
    where o.succeeded_at is not null
    group by 1, 2, 3
)
select
    r.space_key,
    r.project_id,
    p.project_key,
    r.table_name,
    r.newest_event_at,
    r.newest_row_at,
    s.watermark,
    greatest(good_of_project.succeeded_at, good_of_space.succeeded_at) as last_success_at,
    coalesce(newest.error, s.last_error) as last_error,
    extract(epoch from now() - s.watermark)::bigint as lag_seconds,
    v.checked_at as verified_at,
    v.how as verified_how,
    v.equal as is_equal,
    greatest(v.differences, w.differences) as differences,
    case when r.scope = 'issues' and p.deleted_reason is null then h.history_share end as history_share
from rows as r
join {{ source('raw', 'projects') }} as p on p.space_key = r.space_key and p.id = r.project_id
left join {{ source('ops', 'sync_state') }} as s
    on s.space_key = r.space_key and s.scope = r.scope and s.project_id = case r.scope when 'issues' then r.project_id else 0 end
left join good as good_of_project
    on good_of_project.space_key = r.space_key and good_of_project.sync_type = r.sync_type and good_of_project.project_key = p.project_key
left join good as good_of_space
    on good_of_space.space_key = r.space_key and good_of_space.sync_type = r.sync_type and good_of_space.project_key is null
left join lateral (
    select o.error
    from {{ source('ops', 'sync_outcomes') }} as o
    where o.space_key = r.space_key and o.sync_type = r.sync_type and o.status <> 'in_progress'
        and (o.projects is null or p.project_key = any(o.projects))
    order by o.started_at desc
    limit 1
) as newest on true
left join lateral (
    select c.checked_at, c.how, c.equal, c.differences
    from {{ source('ops', 'reconciliations') }} as c
    where c.space_key = r.space_key and c.project_id = r.project_id
        and (r.table_name = 'issues' or c.how = 'rows')
    order by c.checked_at desc, c.id desc
    limit 1
) as v on true
left join lateral (
    select c.differences
    from {{ source('ops', 'reconciliations') }} as c
    where c.space_key = r.space_key and c.project_id = r.project_id and c.how = 'rows'
    order by c.checked_at desc, c.id desc
    limit 1
) as w on true
left join (
    select i.space_key, i.project_id, trunc(count(c.updated_at)::numeric / count(*), 4) as history_share
    from {{ source('raw', 'issues') }} as i
    left join {{ source('ops', 'issue_sync_state') }} as c on c.space_key = i.space_key and c.issue_id = i.id
    where i.deleted_at is null
    group by i.space_key, i.project_id
) as h on h.space_key = r.space_key and h.project_id = r.project_id
