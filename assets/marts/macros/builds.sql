{#
Builds of the program hold a lock, by which their sessions are named. The run of a build may be killed: its dbt goes on. So each of its
transactions takes the row of the lock, and is refused once that belongs to another. Whoever takes the lock next waits for those at work.
A dbt that somebody runs by hand has no such name.
#}
{% macro of_this_build() -%}
do $do$
begin
    if starts_with(current_setting('application_name'), 'backlog-elt build ') then
        perform from ops.locks
        where space_key = 'all spaces' and name = 'dbt'
            and 'backlog-elt build ' || extract(epoch from session_began_at) = current_setting('application_name')
        for share;
        if not found then
            raise exception 'the run of this build has ended, and its dbt with it';
        end if;
    end if;
end
$do$
{%- endmacro %}

{# Whether the build at work goes on from the last one: the project is the same. #}
{% macro goes_on() -%}
    {%- set last -%}
    select since is not null and ended_at is null from {{ source('ops', 'mart_builds') }} order by id desc limit 1
    {%- endset -%}
    {%- set found = run_query(last).rows if execute and not flags.FULL_REFRESH else [] -%}
    {{ return(found and found[0][0]) }}
{%- endmacro %}
