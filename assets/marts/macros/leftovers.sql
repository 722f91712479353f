{#
After a build of all marts that succeeded: tables and views of `mart` and `staging` that no model makes any more are dropped, if an earlier
build has made them (`staging.made_relation`) and they still belong to the role of the builds. All others are noted: they are of somebody
else, or of a snapshot, whose history cannot be made again, so that it is never among those that are dropped.
#}
{% macro leftovers() -%}
    {%- set build = namespace(is_whole=execute) -%}
    {%- set made, kept = [], ["'staging.build_note'", "'staging.made_relation'"] -%}
    {%- for node in (graph.nodes.values() if execute else []) if node.resource_type in ('model', 'seed', 'snapshot') -%}
        {%- do (kept if node.resource_type == 'snapshot' else made).append("'" ~ node.schema ~ '.' ~ node.alias ~ "'") -%}
        {%- if node.unique_id not in selected_resources -%}
            {%- set build.is_whole = false -%}
        {%- endif -%}
    {%- endfor -%}
    {%- if build.is_whole and not results | selectattr('status', 'in', ['error', 'fail', 'skipped', 'partial success']) | list %}
do $do$
declare
    old record;
    others text;
    made constant text[] := array[{{ made | join(', ') }}];
    kept constant text[] := array[{{ kept | join(', ') }}];
begin
    if not starts_with(current_setting('application_name'), 'backlog-elt build ') then
        return;
    end if;
    set local lock_timeout = '10s';
    create table if not exists staging.made_relation (name text primary key);
    -- Views were made after what they read.
    for old in
        select c.relkind, n.nspname, c.relname, n.nspname || '.' || c.relname as name
        from pg_class as c
        join pg_namespace as n on n.oid = c.relnamespace
        join staging.made_relation as m on m.name = n.nspname || '.' || c.relname
        where c.relkind in ('r', 'v', 'm') and c.relowner = current_user::regrole and m.name <> all (made || kept)
        order by c.oid desc
    loop
        begin
            execute format(
                'drop %s %I.%I', case old.relkind when 'r' then 'table' when 'v' then 'view' else 'materialized view' end, old.nspname, old.relname
            );
        exception when others then
            {{ note_error('old.name', "'no model makes it any more, and it could not be dropped: '") }}
        end;
    end loop;
    select string_agg(n.nspname || '.' || c.relname, ', ' order by n.nspname, c.relname)
    into others
    from pg_class as c
    join pg_namespace as n on n.oid = c.relnamespace
    where n.nspname in ('mart', 'staging') and c.relkind in ('r', 'p', 'v', 'm', 'f')
        and n.nspname || '.' || c.relname <> all (made || kept)
        and not ({{ is_custom_field_view('c') }})
        and not exists (select from staging.build_note as b where b.relation = n.nspname || '.' || c.relname);
    if others <> '' then
        {{ note('others', "'no model makes it, and no build is known to have made it: left as it is'") }};
    end if;
    delete from staging.made_relation as m
    where m.name = any (kept) or not exists (
        select from pg_class as c join pg_namespace as n on n.oid = c.relnamespace where n.nspname || '.' || c.relname = m.name
    );
    insert into staging.made_relation select unnest(made) on conflict do nothing;
end
$do$
    {%- else %}
select 1
    {%- endif %}
{%- endmacro %}
