-- Who was a member of which project, each version of them from when to when it was seen; the first reaches back for ever, the open one has no end.
{% snapshot dim_membership %}
{{ config(unique_key=['space_key', 'project_id', 'user_id'], strategy='check', check_cols=['is_deleted'], updated_at='loaded_at', meta={'members_of': 'project_id'}) }}
select
    space_key,
    project_id,
    user_id,
    deleted_at is not null as is_deleted,
    loaded_at
from {{ source('raw', 'project_members') }}
{% endsnapshot %}
