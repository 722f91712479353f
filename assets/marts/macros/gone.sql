{#
Of rows that hang on an issue, those that the source still has, and those that went with an issue that is gone: its past stays what it
was. The reasons are those of resources/warehouse/raw/tombstones.py. What was taken back before, or an issue that came back has no more, is out.
#}
{% macro is_reported(alias) -%}
    ({{ alias }}.deleted_at is null or {{ alias }}.deleted_reason in ('issue deleted', 'project deleted') and exists (
        select from {{ source('raw', 'issues') }} as gone
        where gone.space_key = {{ alias }}.space_key and gone.id = {{ alias }}.issue_id and gone.deleted_at is not null
    ))
{%- endmacro %}
