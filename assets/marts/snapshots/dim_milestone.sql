-- Milestones and versions, each version of them from when to when it was seen; the first reaches back for ever, the open one has no end.
{% snapshot dim_milestone %}
{{ config(unique_key=['space_key', 'milestone_id'], strategy='check', check_cols=['project_id', 'name', 'start_date', 'release_due_date', 'archived', 'display_order', 'is_deleted'], updated_at='loaded_at') }}
select
    space_key,
    id as milestone_id,
    project_id,
    name,
    start_date,
    release_due_date,
    archived,
    display_order,
    deleted_at is not null as is_deleted,
    loaded_at
from {{ source('raw', 'versions') }}
{% endsnapshot %}
