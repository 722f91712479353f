-- Projects, each version of them from when to when it was seen; the first reaches back for ever, the open one has no end.
{% snapshot dim_project %}
{{ config(unique_key=['space_key', 'project_id'], strategy='check', check_cols=['project_key', 'name', 'archived', 'is_deleted'], updated_at='loaded_at') }}
select
    space_key,
    id as project_id,
    project_key,
    name,
    archived,
    deleted_at is not null as is_deleted,
    loaded_at
from {{ source('raw', 'projects') }}
{% endsnapshot %}
