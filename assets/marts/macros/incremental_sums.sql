{#
Sums of many rows, group by group: a build makes only those anew in which a row of a changed issue counts, or counted before. A model with
the strategy by_group names in its meta the `groups` that are made together. A model that it adds up names in `invalidates`, for each model
that adds it up, the groups of one of its rows. When such rows change, their groups are written to staging.<model>_stale in the same
transaction; the sums of these groups are made in one transaction with emptying that table. So a build that ends in between leaves none out.
While there is no such table, all sums are made.
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

{# The groups of some rows wait for the sums that are made of them. #}
{% macro invalidate(sources) -%}
    {%- for model, groups in ((config.get('meta') or {}).get('invalidates') or {}).items() -%}
    {%- set waiting = stale_groups_of(model) -%}
    {%- if waiting %}
    {%- set parts = [] -%}
    {%- for rows in sources -%}{%- for group in groups -%}
    {%- do parts.append('select ' ~ group ~ ' from ' ~ rows ~ ' as one_row') -%}
    {%- endfor -%}{%- endfor %}
    insert into {{ waiting }} select * from ({{ parts | join(' union ') }}) as stale where stale is not null;
    {%- endif -%}
    {%- endfor -%}
{%- endmacro %}

{# All rows of a model were made: all sums of them are made, too. #}
{% macro invalidate_all() -%}
    {%- for model in (config.get('meta') or {}).get('invalidates') or {} %}
    drop table if exists staging.{{ model }}_stale;
    {%- endfor -%}
{%- endmacro %}

{% macro get_incremental_by_group_sql(arg_dict) -%}
    {%- set columns = get_quoted_csv(arg_dict['dest_columns'] | map(attribute='name')) -%}
    {%- set waiting = stale_groups_of(this.identifier) -%}
    delete from {{ arg_dict['target_relation'] }}
    {%- if waiting %} where ({{ config.get('meta')['groups'] }}) in (select * from {{ waiting }}){% endif %};
    insert into {{ arg_dict['target_relation'] }} ({{ columns }})
    select {{ columns }} from {{ arg_dict['temp_relation'] }};
    {%- if waiting -%}
    {{ invalidate([waiting]) }}
    truncate {{ waiting }}
    {%- else -%}
    {{ invalidate_all() }}
    {%- endif -%}
{%- endmacro %}

{# From now on groups wait for the sums that were just made. #}
{% macro keep_sums() -%}
    create table if not exists staging.{{ this.identifier }}_stale as select {{ config.get('meta')['groups'] }} from {{ this }} where false
{%- endmacro %}

{# The project and the week of a row at some instants, in whatever zone the space is or was: weeks begin on different days around the world. #}
{% macro weeks_of(instants) -%}
    {%- set groups = [] -%}
    {%- for instant in instants -%}{%- for hours in (-12, 14) -%}
    {%- do groups.append("space_key, project_id, date_trunc('week', " ~ instant ~ " at time zone 'UTC' + interval '" ~ hours ~ " hours')::date") -%}
    {%- endfor -%}{%- endfor -%}
    {{ return(groups) }}
{%- endmacro %}

{# Names are those of today, also in sums that stay: `column` is the `name` that the row of `relation` has whose `id` is in `own_id`. #}
{% macro names_of_today(column, relation, name, id, own_id) -%}
    update {{ this }} as sums set {{ column }} = named.{{ name }}
    from {{ relation }} as named
    where named.space_key = sums.space_key and named.{{ id }} = sums.{{ own_id }} and sums.{{ column }} is distinct from named.{{ name }}
{%- endmacro %}
