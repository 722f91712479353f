{#
Issue by issue: rows of the issues that were changed since the last build are made anew, those of all others stay as they are. Sums of such
rows: incremental_sums.sql.
#}
{#
Models with a strategy of this project, once their table is there: the new rows go to a temporary table, and the strategy puts them in
place. dbt's own materialization, which all other models get, also looks up the columns of both tables. Here a change of columns is a change
of the project, after which all is made whole; the look took a tenth of what dbt does in a build.
#}
{% materialization incremental, adapter='postgres' -%}
    {%- set strategy = config.get('incremental_strategy') -%}
    {%- if not is_incremental() or strategy not in ('by_issue', 'by_group', 'in_place') -%}
    {{ return(dbt.materialization_incremental_default()) }}
    {%- endif -%}
    {%- set made = make_temp_relation(this) -%}
    {{ run_hooks(pre_hooks, inside_transaction=False) }}
    {{ run_hooks(pre_hooks, inside_transaction=True) }}
    {%- do run_query(get_create_table_as_sql(True, made, sql)) -%}
    {%- set put_in_place = adapter.get_incremental_strategy_macro(context, strategy) -%}
    {%- call statement('main') -%}
    {{ put_in_place({'target_relation': this, 'temp_relation': made, 'dest_columns': get_columns_in_relation(this)}) }}
    {%- endcall -%}
    {{ run_hooks(post_hooks, inside_transaction=True) }}
    {%- do adapter.commit() -%}
    {{ run_hooks(post_hooks, inside_transaction=False) }}
    {{ return({'relations': [this.incorporate(type='table')]}) }}
{%- endmaterialization %}

{% macro get_incremental_by_issue_sql(arg_dict) -%}
    {%- set columns = get_quoted_csv(arg_dict['dest_columns'] | map(attribute='name')) -%}
    {%- set new -%} select {{ columns }} from {{ arg_dict['temp_relation'] }} {%- endset -%}
    {%- set deletion -%}
    delete from {{ arg_dict['target_relation'] }} where (space_key, issue_id) in (select space_key, issue_id from {{ ref('changed_issue') }})
    {%- endset -%}
    {{ delete_and_invalidate(deletion, columns, new) }};
    insert into {{ arg_dict['target_relation'] }} ({{ columns }}) {{ new }}
{%- endmacro %}

{# Only the issues that were changed; all of them where the model is built whole. Goes behind a condition. #}
{% macro and_targeted(alias, issue='issue_id') -%}
    {%- set changed = ref('changed_issue') -%}
    {%- if is_incremental() %}
    and ({{ alias }}.space_key, {{ alias }}.{{ issue }}) in (select space_key, issue_id from {{ changed }})
    {%- endif -%}
{%- endmacro %}

{#
All rows anew in the same table, if any has changed, which nobody who reads it notices before the end: for small tables that foreign keys
lead to, that sums of many rows go by, or that views read.
#}
{% macro get_incremental_in_place_sql(arg_dict) -%}
    {%- set columns = get_quoted_csv(arg_dict['dest_columns'] | map(attribute='name')) -%}
    {%- set new = 'select ' ~ columns ~ ' from ' ~ arg_dict['temp_relation'] -%}
    {%- set old_rows = 'select one::text from ' ~ arg_dict['target_relation'] ~ ' as one' -%}
    {%- set new_rows = 'select one::text from (' ~ new ~ ') as one' -%}
    do $do$
    begin
        if exists (({{ old_rows }} except all {{ new_rows }}) union all ({{ new_rows }} except all {{ old_rows }})) then
            delete from {{ arg_dict['target_relation'] }};
            insert into {{ arg_dict['target_relation'] }} ({{ columns }}) {{ new }};
            {{ invalidate_all() }}
        end if;
    end
    $do$
{%- endmacro %}

{#
A moment: what was written before it is in the last build of all marts that succeeded. Not a query, so that the planner knows how few rows are
newer.
#}
{% macro built_until() -%}
    {%- set last -%}
    select case when ended_at is null then since else began_at end::text from {{ source('ops', 'mart_builds') }} order by id desc limit 1
    {%- endset -%}
    {%- set found = run_query(last).rows if execute and not flags.FULL_REFRESH else [] -%}
    '{{ found[0][0] if found and found[0][0] else '-infinity' }}'::timestamptz
{%- endmacro %}
