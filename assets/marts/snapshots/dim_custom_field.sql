-- Custom fields, each version of them from when to when it was seen; the first reaches back for ever, the open one has no end.
{% snapshot dim_custom_field %}
{{ config(unique_key=['space_key', 'custom_field_id'], strategy='check', check_cols=['project_id', 'name', 'type_id', 'required', 'items', 'unit', 'display_order', 'is_deleted'], updated_at='loaded_at') }}
select
    space_key,
    id as custom_field_id,
    project_id,
    name,
    type_id,
    required,
    items,
    unit,
    display_order,
    deleted_at is not null as is_deleted,
    loaded_at
from {{ source('raw', 'custom_fields') }}
{% endsnapshot %}
