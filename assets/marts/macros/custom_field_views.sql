{#
After a build: a view for each project that has custom fields, `mart.custom_fields_ops` of the project OPS, with a row for each issue and
a column for each field, by the names and types of today. A view is made anew when what it is made of has changed; that of a project
that is gone, or has no fields any more, is dropped. Where two names would be one column, each has its id behind it. A query of PostgreSQL
has at most 1,664 columns: of more than 1,500 fields the view has the first. What could not be made or dropped is noted (notes.sql).
#}
{% macro is_custom_field_view(relation) -%}
    {{ relation }}.relkind = 'v' and {{ relation }}.relname ~ '^custom_fields_'
    and obj_description({{ relation }}.oid, 'pg_class') ~ '^Custom fields of project .* \[[0-9a-f]{32}\]$'
{%- endmacro %}

{% macro custom_field_views() -%}
do $do$
declare
    project record;
    field record;
    columns text;
    comments text;
    made_of text;
    body text;
    expected text[] := '{}';
    old record;
    most constant int := 1500;
begin
    if to_regclass('mart.issue') is null or to_regclass('mart.issue_custom_field') is null then
        return;
    end if;
    set local lock_timeout = '10s';
    for project in
        select
            p.space_key,
            p.id,
            p.project_key,
            left(
                'custom_fields_' || p.short
                || case when count(*) over (partition by p.short) > 1 then '_' || regexp_replace(p.space_key, '\W', '_', 'g') else '' end,
                63
            ) as name
        from (
            select space_key, id, project_key, lower(regexp_replace(project_key, '\W', '_', 'g')) as short
            from {{ source('raw', 'projects') }} as p
            where deleted_at is null and exists (
                select from {{ source('raw', 'custom_fields') }} as f
                where f.space_key = p.space_key and f.project_id = p.id and f.deleted_at is null
            )
        ) as p
        order by p.space_key, p.id
    loop
        expected := expected || project.name;
        columns := '';
        comments := '';
        for field in
            with named as (
                select
                    f.id,
                    f.type_id,
                    f.display_order,
                    f.unit,
                    coalesce(nullif(trim(f.name), ''), 'field') as name
                from {{ source('raw', 'custom_fields') }} as f
                where f.space_key = project.space_key and f.project_id = project.id and f.deleted_at is null
            ),
            -- A column has at most 63 bytes, which are 21 letters of Japanese.
            cut as (
                select
                    n.*,
                    n.name::name::text as short,
                    n.name ~ '\([0-9]+\)$'
                    or lower(n.name::name::text) in ('space_key', 'issue_id', 'project_id', 'project_key', 'issue_key', 'is_deleted')
                    or count(*) over (partition by lower(n.name::name::text)) > 1 as is_taken,
                    ' (' || n.id || ')' as suffix
                from named as n
            )
            select
                c.*,
                row_number() over (order by c.display_order nulls last, c.id) as place,
                count(*) over () as fields,
                case
                    when c.is_taken then (
                        select left(c.short, k.length)
                        from generate_series(char_length(c.short), 0, -1) as k (length)
                        where octet_length(left(c.short, k.length)) + octet_length(c.suffix) <= 63
                        limit 1
                    ) || c.suffix
                    else c.short
                end as column_name
            from cut as c
            order by c.display_order nulls last, c.id
        loop
            if field.place > most then
                {{ note("'mart.' || project.name", "format('the project has %s custom fields, and the view the first %s: all are in mart.issue_custom_field', field.fields, most)") }};
                exit;
            end if;
            columns := columns || format(
                case field.type_id
                    when 3 then ', max(f.number_value) filter (where f.custom_field_id = %s) as %I'
                    when 4 then ', max(f.date_value) filter (where f.custom_field_id = %s) as %I'
                    else ', string_agg(f.text_value, '', '' order by f.position) filter (where f.custom_field_id = %s) as %I'
                end,
                field.id, field.column_name
            );
            comments := comments || format(
                'comment on column mart.%I.%I is %L;', project.name, field.column_name,
                format('Custom field %s%s, by its name of today / カスタム属性 %s(現在の名前)', field.id, coalesce(' in ' || nullif(field.unit, ''), ''), field.id)
            );
        end loop;
        body := format(
            'create view mart.%I as select i.space_key, i.issue_id, i.project_id, i.project_key, i.issue_key, i.is_deleted, v.* '
            'from mart.issue as i left join lateral (select %s from mart.issue_custom_field as f '
            'where f.space_key = i.space_key and f.issue_id = i.issue_id) as v on true '
            'where i.space_key = %L and i.project_id = %s;',
            project.name, substr(columns, 3), project.space_key, project.id
        ) || comments;
        made_of := format(
            'Custom fields of project %s: one row per issue, one column per field / プロジェクト %s のカスタム属性(課題ごとに 1 行) [%s]',
            project.project_key, project.project_key, md5(body)
        );
        continue when obj_description(to_regclass(format('mart.%I', project.name)), 'pg_class') = made_of;
        begin
            execute format('drop view if exists mart.%I', project.name);
            execute body;
            {%- for column, words in {
                'space_key': 'Space the row comes from / スペースキー',
                'issue_id': 'Issue / 課題ID',
                'project_id': 'Project / プロジェクトID',
                'project_key': 'Key of the project, of today / プロジェクトキー',
                'issue_key': 'Key as people write it, of today / 課題キー(現在)',
                'is_deleted': 'Whether it is gone from the source / 削除済みか',
            }.items() %}
            execute format('comment on column mart.%I.{{ column }} is %L', project.name, '{{ words }}');
            {%- endfor %}
            execute format('comment on view mart.%I is %L', project.name, made_of);
        exception when others then
            {{ note_error("'mart.' || project.name", "''", view_not_made=true) }}
        end;
    end loop;
    for old in
        select c.relname
        from pg_class as c
        where {{ is_custom_field_view('c') }} and c.relnamespace = to_regnamespace('mart') and c.relname <> all (expected)
    loop
        begin
            execute format('drop view mart.%I', old.relname);
        exception when others then
            {{ note_error("'mart.' || old.relname", "'its project has no custom fields any more: '", view_not_made=true) }}
        end;
    end loop;
end
$do$
{%- endmacro %}
