{#
Sums of many rows, group by group: a build makes only those anew in which a row counts that was not there before or is there no more. A
model with the strategy by_group names in its meta the `groups` that are made together. A model that it adds up names in `invalidates`, for
each model that adds it up, the groups of one of its rows, and `columns` where only some of them count. When such rows change, their groups are written to staging.<model>_stale in the
same transaction; the sums of these groups are made in one transaction with emptying that table. So a build that ends in between leaves none
out. While there is no such table, all sums are made.
#}
{% macro stale_groups_of(model) -%}
    {%- set name = 'staging.' ~ model ~ '_stale' -%}
    {{ return(name if execute and run_query("select to_regclass('" ~ name ~ "')").columns[0][0] else none) }}
{%- endmacro %}

{# Only rows of the groups that wait. Goes behind a condition. #}
{% macro and_stale(groups) -%}
    {%- set waiting = stale_groups_of(this.identifier) if is_incremental() else none -%}
    {%- if waiting %} and ({{ groups }}) in (select * from {{ waiting }}){% endif -%}
{%- endmacro %}

{# Delete rows for others to come. The groups of those that are not the same wait for the sums that are made of them. #}
{% macro delete_and_invalidate(deletion, columns, new) -%}
    {%- set waiting = [] -%}
    {%- for model, groups in ((config.get('meta') or {}).get('invalidates') or {}).items() -%}
    {%- set table = stale_groups_of(model) -%}
    {%- set columns = groups['columns'] if groups is mapping -%}
    {%- if table %}{% do waiting.append((table, groups['groups'] if columns else groups, columns)) %}{% endif -%}
    {%- endfor -%}
    {%- if waiting -%}
    with old as ({{ deletion }} returning {{ columns }}),
    new as ({{ new }}),
    -- By their text, too: 1.0 and 1.00 are equal, and their sums look different.
    different as (
        (select *, old::text from old except all select *, new::text from new)
        union all (select *, new::text from new except all select *, old::text from old)
    )
    {%- for table, groups, columns in waiting %}
    {%- if columns %},
    different_{{ loop.index }} as (
        (select {{ columns }} from old except all select {{ columns }} from new)
        union all (select {{ columns }} from new except all select {{ columns }} from old)
    )
    {%- endif %},
    into_{{ loop.index }} as (insert into {{ table }} select * from (
        {%- set changed = 'different_' ~ loop.index ~ ' as different' if columns else 'different' %}
        {%- for group in groups %}{{ ' union ' if not loop.first }}select distinct {{ group }} from {{ changed }}{% endfor -%}
    ) as stale where stale is not null)
    {%- endfor %}
    select
    {%- else -%}
    {{ deletion }}
    {%- endif -%}
{%- endmacro %}

{# All rows of a model were made: all sums of them are made, too. #}
{% macro invalidate_all() -%}
    {%- for model in (config.get('meta') or {}).get('invalidates') or {} %}
    drop table if exists staging.{{ model }}_stale;
    {%- endfor -%}
{%- endmacro %}

{# After a table was made whole, in the same transaction. #}
{% macro made_whole() -%}
    {%- if not is_incremental() %}{{ invalidate_all() }}{% endif %}
{%- endmacro %}

{% macro get_incremental_by_group_sql(arg_dict) -%}
    {%- set columns = get_quoted_csv(arg_dict['dest_columns'] | map(attribute='name')) -%}
    {%- set waiting = stale_groups_of(this.identifier) -%}
    {%- set new -%} select {{ columns }} from {{ arg_dict['temp_relation'] }} {%- endset -%}
    {%- set deletion -%}
    delete from {{ arg_dict['target_relation'] }}
    {%- if waiting %} where ({{ config.get('meta')['groups'] }}) in (select * from {{ waiting }}){% endif -%}
    {%- endset -%}
    {% if waiting %}{{ delete_and_invalidate(deletion, columns, new) }}{% else %}{{ invalidate_all() }}{{ deletion }}{% endif %};
    insert into {{ arg_dict['target_relation'] }} ({{ columns }}) {{ new }};
    {%- if waiting %}
    truncate {{ waiting }}
    {%- endif -%}
{%- endmacro %}

{# From now on groups wait for the sums that were just made. #}
{% macro keep_sums() -%}
    create table if not exists staging.{{ this.identifier }}_stale as select {{ config.get('meta')['groups'] }} from {{ this }} where false
{%- endmacro %}

{# The project and the week of a row by one of its days. #}
{% macro project_week(day='day', project='project_id') -%}
    space_key, {{ project }}, date_trunc('week', {{ day }}::timestamp)::date
{%- endmacro %}

{# The project of a milestone: that of a row is the issue's, which may have moved to another one. #}
{% macro milestone_project() -%}
    space_key, (select v.project_id from raw.versions as v where (v.space_key, v.id) = (different.space_key, milestone_id))
{%- endmacro %}

{# Names are those of today, also in sums that stay: `column` is the `name` that the row of `relation` has whose `id` is in `own_id`. #}
{% macro names_of_today(column, relation, name, id, own_id) -%}
    update {{ this }} as sums set {{ column }} = named.{{ name }}
    from {{ relation }} as named
    where named.space_key = sums.space_key and named.{{ id }} = sums.{{ own_id }} and sums.{{ column }} is distinct from named.{{ name }}
        {%- if relation.schema == 'raw' %} and named.loaded_at >= {{ built_until() }}{% endif %}
{%- endmacro %}

{# Before the rows of a tree are made: whatever is connected with an issue that waits, waits too. Parents of before and of now wait already. #}
{% macro with_kin() -%}
    {%- set waiting = stale_groups_of(this.identifier) if is_incremental() else none -%}
    {%- if waiting -%}
    set local enable_nestloop = on;
    insert into {{ waiting }}
    with recursive kin as (
        select space_key, issue_id from {{ waiting }}
        union
        select k.space_key, n.issue_id
        from kin as k
        cross join lateral (
            select parent_issue_id from {{ ref('stg_issue') }} where space_key = k.space_key and issue_id = k.issue_id and parent_issue_id is not null
            union all
            select issue_id from {{ ref('stg_issue') }} where space_key = k.space_key and parent_issue_id = k.issue_id
        ) as n (issue_id)
    )
    select space_key, issue_id from kin except select space_key, issue_id from {{ waiting }};
    {{ planned() }}
    {%- endif -%}
{%- endmacro %}
