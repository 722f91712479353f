{#
A mart that is being read cannot be replaced, and no other session can read it during that wait. The role of BI tools ends what
takes too long by itself; for others there is an end to the wait. A commit does not wait for the disk: that by which the build is noted
does, and with it all before.
#}
{% macro patient() -%}
    {{ of_this_build() }}; set local lock_timeout = '5min'; set local synchronous_commit = off
{%- endmacro %}
{# Memory for sorts, and no parallel workers: where all cores are at work, a statement that is spread over them costs half as much again. #}
{% macro on_one_core() -%}
    set local work_mem = '64MB'; set local max_parallel_workers_per_gather = 0
{%- endmacro %}
{#
Settings of the transaction that makes a model: those of one core, and, where it is made whole or for many issues, no nested loops: the
planner knows nothing of rows that the same statement has made, and takes them for few.
#}
{% macro planned() -%}
    {%- set strategy = config.get('incremental_strategy') if is_incremental() -%}
    {%- set waiting = ref('changed_issue') if strategy == 'by_issue' else stale_groups_of(this.identifier) if strategy == 'by_group' -%}
    {{ patient() }}; {{ on_one_core() }}; {% if waiting -%}
    {% if strategy == 'by_group' %}analyze {{ waiting }}; {% endif -%}
    select set_config('enable_nestloop', case when count(*) > 1000 then 'off' else 'on' end, true)
    from (select from {{ waiting }} limit 1001) as w
    {%- else %}set local enable_nestloop = off{% endif %}
{%- endmacro %}
{#
After a table was made whole and committed. Without it the server would vacuum all tables at once, a minute after the build, and the builds
of that time took a third longer. When only some rows have changed, the server knows by itself when it is time.
#}
{% macro vacuumed() -%}
    {% if not is_incremental() %}vacuum (analyze) {{ this }}{% endif %}
{%- endmacro %}
{#
For summaries of rows that the same statement has made: merge joins go by some of the columns that are equal, and take the few rows that the
planner expects for each other's; hash joins go by all of them. It expects nearly as many groups as rows, too, and sorts them all.
#}
{% macro hashed() -%}
    set local enable_mergejoin = off; set local enable_sort = off
{%- endmacro %}

{# For a few rows, each of which finds by index what belongs to it. #}
{% macro by_index() -%}
    set local enable_nestloop = on
{%- endmacro %}

{# The columns of a table and their types. dbt's own macro reads slow views of the server, up to five times for each model. #}
{% macro postgres__get_columns_in_relation(relation) -%}
    {% call statement('get_columns_in_relation', fetch_result=True) %}
    select attname, format_type(atttypid, null), case when atttypid = 'varchar'::regtype and atttypmod > 0 then atttypmod - 4 end, null, null
    from pg_attribute
    where attrelid = to_regclass('{{ relation }}') and attnum > 0 and not attisdropped
    order by attnum
    {% endcall %}
    {{ return(sql_convert_columns_in_relation(load_result('get_columns_in_relation').table)) }}
{%- endmacro %}

{#
Descriptions go to the database with the table, all in one statement: a change of one is a change of the project, after which all are made
anew.
#}
{% macro postgres__persist_docs(relation, model, for_relation, for_columns) -%}
    {%- if flags.FULL_REFRESH or model.config.materialized != 'snapshot' %}
    {%- set there = get_columns_in_relation(relation) | map(attribute='name') | list %}
    {%- set described %}
    {%- if model.description %}{{ postgres__alter_relation_comment(relation, model.description) }}{% endif %}
    {%- for name, column in validate_doc_columns(relation, model.columns, there).items() %}
    comment on column {{ relation }}.{{ adapter.quote(name) }} is {{ postgres_escape_comment(column.description) }};
    {%- endfor %}
    {%- endset %}
    {%- if described | trim %}{% do run_query(described) %}{% endif %}
    {%- endif %}
{%- endmacro %}
