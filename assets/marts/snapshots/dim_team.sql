-- Teams of the space, each version of them from when to when it was seen; the first reaches back for ever, the open one has no end.
{% snapshot dim_team %}
{{ config(unique_key=['space_key', 'team_id'], strategy='check', check_cols=['name', 'display_order', 'is_deleted'], updated_at='loaded_at') }}
select
    space_key,
    id as team_id,
    name,
    display_order,
    deleted_at is not null as is_deleted,
    loaded_at
from {{ source('raw', 'teams') }}
{% endsnapshot %}
