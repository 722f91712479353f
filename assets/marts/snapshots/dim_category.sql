-- Categories, each version of them from when to when it was seen; the first reaches back for ever, the open one has no end.
{% snapshot dim_category %}
{{ config(unique_key=['space_key', 'category_id'], strategy='check', check_cols=['project_id', 'name', 'display_order', 'is_deleted'], updated_at='loaded_at') }}
select
    space_key,
    id as category_id,
    project_id,
    name,
    display_order,
    deleted_at is not null as is_deleted,
    loaded_at
from {{ source('raw', 'categories') }}
{% endsnapshot %}
