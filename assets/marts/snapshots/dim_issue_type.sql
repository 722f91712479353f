-- Issue types, each version of them from when to when it was seen; the first reaches back for ever, the open one has no end.
{% snapshot dim_issue_type %}
{{ config(unique_key=['space_key', 'issue_type_id'], strategy='check', check_cols=['project_id', 'name', 'color', 'display_order', 'is_deleted'], updated_at='loaded_at') }}
select
    space_key,
    id as issue_type_id,
    project_id,
    name,
    color,
    display_order,
    deleted_at is not null as is_deleted,
    loaded_at
from {{ source('raw', 'issue_types') }}
{% endsnapshot %}
