{#
What a build could not do without failing, for the run to tell (`build_notes.py`): rows of `staging.build_note`, until the next build begins.
A note of an error is written by its handler, whose transaction goes on.
#}
{% macro no_notes() -%}
do $do$
begin
    if to_regnamespace('staging') is null then
        create schema staging;
    end if;
    create table if not exists staging.build_note (
        relation text not null, sqlstate text not null, line text not null, view_not_made boolean not null
    );
    delete from staging.build_note;
end
$do$
{%- endmacro %}

{# A statement. Relation and line are expressions of SQL. #}
{% macro note(relation, line, sqlstate="'00000'", view_not_made=false) -%}
    insert into staging.build_note (relation, sqlstate, line, view_not_made) values ({{ relation }}, {{ sqlstate }}, {{ line }}, {{ view_not_made }})
{%- endmacro %}

{# The same in a handler of exceptions: what comes before the words of the server, and what it says in detail, as which view depends. #}
{% macro note_error(relation, before, view_not_made=false) -%}
            declare
                detail text;
            begin
                get stacked diagnostics detail = pg_exception_detail;
                {{ note(relation, before ~ " || sqlerrm || coalesce(': ' || nullif(detail, ''), '')", 'sqlstate', view_not_made) }};
            end;
{%- endmacro %}
