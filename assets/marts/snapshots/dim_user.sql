-- Users, each version of them from when to when it was seen; the first reaches back for ever, the open one has no end.
{% snapshot dim_user %}
{{ config(unique_key=['space_key', 'user_id'], strategy='check', check_cols=['login', 'name', 'mail_address', 'role_type', 'is_deleted'], updated_at='loaded_at') }}
select
    space_key,
    id as user_id,
    user_id as login,
    name,
    mail_address,
    role_type,
    deleted_at is not null as is_deleted,
    loaded_at
from {{ source('raw', 'users') }}
{% endsnapshot %}
