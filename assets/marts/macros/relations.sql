{#
Primary and foreign keys, from which tools draw how tables hang together (docs/decisions.md). In a warehouse with one space an id alone
is a key; with several it is one together with space_key.
#}

{# column of a mart -> (table that has one row for each, its column) #}
{% macro references() -%}
    {{ return({
        'issue_id': ('issue', 'issue_id'),
        'parent_issue_id': ('issue', 'issue_id'),
        'project_id': ('project_summary', 'project_id'),
        'milestone_id': ('milestone_summary', 'milestone_id'),
        'version_id': ('milestone_summary', 'milestone_id'),
        'team_id': ('team_summary', 'team_id'),
        'user_id': ('dim_person', 'user_id'),
        'assignee_id': ('dim_person', 'user_id'),
        'created_user_id': ('dim_person', 'user_id'),
        'changed_by_id': ('dim_person', 'user_id'),
        'reopened_by_id': ('dim_person', 'user_id'),
    }) }}
{%- endmacro %}

{#
The statements of a block that makes the unique index of each table c that has no primary key its primary key, or one on its id alone.
What is excused leaves a table without. `found` and `single` are declared by the block.
#}
{% macro keys_of(which, excused) -%}
    for found in
        select distinct on (c.oid) c.oid::regclass as relation, x.relname as index, array(
            select a.attname::text
            from unnest(i.indkey::int2[]) with ordinality as k (number, place)
            join pg_attribute as a on a.attrelid = i.indrelid and a.attnum = k.number
            order by k.place
        ) as columns
        from pg_class as c
        join pg_index as i on i.indrelid = c.oid
        join pg_class as x on x.oid = i.indexrelid
        where {{ which }} and i.indisunique and i.indpred is null
            and not exists (select from pg_index as p where p.indrelid = c.oid and p.indisprimary)
        -- One that was the key of an id alone may be there, too.
        order by c.oid, i.indnatts desc, x.oid
    loop
        begin
            if single and cardinality(found.columns) = 2 and found.columns[1] = 'space_key' and found.columns[2] ~ '_id$' then
                execute format(
                    'alter table %s add primary key (%I), alter column space_key set not null', found.relation, found.columns[2]
                );
            else
                execute format('alter table %s add primary key using index %I', found.relation, found.index);
            end if;
        exception when {{ excused }} then
            {{ note_error("found.relation::text", "'it has no primary key: '") }}
        end;
    end loop;
{%- endmacro %}

{#
The key of a table that was made now, before anybody can read it. By it the server refuses, as long as the table is there, rows with an
empty key and rows of the same one: no test has to look for them.
#}
{% macro keyed() -%}
{%- if not is_incremental() %}
do $do$
declare
    found record;
    single boolean := (select count(*) = 1 from raw.space);
begin
    {{ keys_of("c.oid = to_regclass('" ~ this.schema ~ "." ~ this.identifier ~ "')", 'unique_violation') }}
end
$do$
{%- endif %}
{%- endmacro %}

{#
Before a build: what it cannot bear is dropped, one by one, so that nobody waits for more than one of them. These are foreign keys where
the tables that they lead to are replaced, as in a whole build, and where they are checked, as by servers before PostgreSQL 18; and keys
of an id alone once there is a second space.
#}
{% macro before_builds() -%}
    {%- if execute %}
    {%- do run_query(of_this_build()) %}
    {%- set hindering -%}
        select c.conrelid::regclass::text as relation, quote_ident(c.conname) as name
        from pg_constraint as c
        where c.connamespace = to_regnamespace('mart') and (
            c.contype = 'f' and ({{ flags.FULL_REFRESH }} or current_setting('server_version_num')::int < 180000)
            or cardinality(c.conkey) = 1 and c.contype in ('p', 'f') and (select count(*) > 1 from {{ source('raw', 'space') }}) and exists (
                select from pg_attribute as a where a.attrelid = c.conrelid and a.attname = 'space_key'
            )
        )
        order by c.contype, 1, 2
    {%- endset %}
    {%- for relation, name in run_query(hindering).rows %}
    {%- do run_query("set local lock_timeout = '5min'; alter table " ~ relation ~ " drop constraint if exists " ~ name ~ " cascade; commit") %}
    {%- endfor %}
    {%- endif %}
    {{- no_notes() }};
    {{ renamed() }}
{%- endmacro %}

{# Histories of an earlier shape, in which each thing was `id`, the login of a user `user_id`, and a row `version_id`. #}
{% macro renamed() -%}
do $do$
declare
    found record;
begin
    set local lock_timeout = '5min';
    for found in
        select a.attrelid::regclass as relation, a.attname, case a.attname when 'id' then t.id when 'user_id' then 'login' else 'version_key' end as new_name
        from (values {% for name in ('project', 'user', 'status', 'issue_type', 'category', 'milestone', 'custom_field', 'membership') -%}
            ('dim_{{ name }}', '{{ name }}_id'){{ ', ' if not loop.last }}
        {%- endfor %}) as t (name, id)
        join pg_attribute as a on a.attrelid = to_regclass('mart.' || t.name) and not a.attisdropped
        where a.attname = 'id' or a.atttypid = 'text'::regtype and (a.attname = 'user_id' and t.name = 'dim_user' or a.attname = 'version_id')
        order by a.attname = 'id'
    loop
        execute format('alter table %s rename column %I to %I', found.relation, found.attname, found.new_name);
    end loop;
end
$do$
{%- endmacro %}

{# After a build: the keys that are missing. What cannot be had now comes with the next build. #}
{% macro related() -%}
do $do$
declare
    found record;
    missing record;
    single boolean := (select count(*) = 1 from {{ source('raw', 'space') }});
    by_name text := case when current_setting('server_version_num')::int >= 180000 then 'not enforced' else 'not valid' end;
begin
    set local lock_timeout = '10s';
    {{ keys_of("c.relnamespace = to_regnamespace('mart') and c.relkind = 'r'", 'unique_violation or not_null_violation or lock_not_available') }}
    for missing in
        select c.oid::regclass as relation, a.attname, t.oid::regclass as target, r.id
        from (values
            {%- for column, (table, id) in references().items() %}
            ('{{ column }}', '{{ table }}', '{{ id }}'){{ ',' if not loop.last }}
            {%- endfor %}
        ) as r (name, target, id)
        join pg_class as t on t.oid = to_regclass('mart.' || r.target) and t.relkind = 'r'
        join pg_attribute as a on a.attname = r.name and not a.attisdropped and a.atttypid = 'bigint'::regtype
        join pg_class as c on c.oid = a.attrelid and c.relkind = 'r' and c.relnamespace = to_regnamespace('mart')
        where not (c.oid = t.oid and a.attname = r.id)
            and exists (
                select from pg_constraint as k
                where k.conrelid = t.oid and k.contype = 'p' and cardinality(k.conkey) = case when single then 1 else 2 end
            )
            and not exists (
                select from pg_constraint as f where f.conrelid = c.oid and f.contype = 'f' and a.attnum = any(f.conkey)
            )
        order by 1, 2
    loop
        begin
            execute format(
                case
                    when single then 'alter table %s add foreign key (%I) references %s (%I) %s'
                    else 'alter table %s add foreign key (space_key, %I) references %s (space_key, %I) %s'
                end,
                missing.relation, missing.attname, missing.target, missing.id, by_name
            );
        exception when others then
            {{ note_error("missing.relation::text", "format('it has no foreign key for %s: ', missing.attname)") }}
        end;
    end loop;
end
$do$
{%- endmacro %}
