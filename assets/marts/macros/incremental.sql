{# Issue by issue: rows of the issues that were touched since the last build are made anew, those of all others stay as they are. #}
{% macro get_incremental_by_issue_sql(arg_dict) -%}
    {%- set columns = get_quoted_csv(arg_dict['dest_columns'] | map(attribute='name')) -%}
    delete from {{ arg_dict['target_relation'] }} as old
    using {{ ref('touched_issue') }} as touched
    where touched.space_key = old.space_key and touched.issue_id = old.issue_id;
    insert into {{ arg_dict['target_relation'] }} ({{ columns }})
    select {{ columns }} from {{ arg_dict['temp_relation'] }}
{%- endmacro %}

{# Only the issues that were touched; all of them where the model is built whole. Goes behind a condition. #}
{% macro and_touched(alias, issue='issue_id') -%}
    {%- set touched = ref('touched_issue') -%}
    {%- if is_incremental() %}
    and ({{ alias }}.space_key, {{ alias }}.{{ issue }}) in (select space_key, issue_id from {{ touched }})
    {%- endif -%}
{%- endmacro %}
