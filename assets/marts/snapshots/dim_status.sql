-- Statuses of projects, each version of them from when to when it was seen; the first reaches back for ever, the open one has no end.
{% snapshot dim_status %}
{{ config(unique_key=['space_key', 'project_id', 'status_id'], strategy='check', check_cols=['name', 'color', 'display_order', 'is_deleted'], updated_at='loaded_at') }}
select
    space_key,
    project_id,
    id as status_id,
    name,
    color,
    display_order,
    deleted_at is not null as is_deleted,
    loaded_at
from {{ source('raw', 'statuses') }}
{% endsnapshot %}
