-- Who was in which team, each version from when to when it was seen; the first reaches back for ever, the open one has no end. A team
-- has only its members of today: who was seen in it before, and is not now, has left it, and so has everybody when it is deleted.
{% snapshot dim_team_membership %}
{{ config(unique_key=['space_key', 'team_id', 'user_id'], strategy='check', check_cols=['is_deleted'], updated_at='loaded_at', meta={'members_of': 'team_id'}) }}
{% set known = adapter.get_relation(database=target.database, schema='mart', identifier='dim_team_membership') %}
with members as (
    select distinct t.space_key, t.id as team_id, m.id as user_id, t.deleted_at is not null as is_deleted, t.loaded_at
    from {{ source('raw', 'teams') }} as t
    cross join lateral unnest(t.member_ids) as m (id)
    where m.id is not null
)
select space_key, team_id, user_id, is_deleted, loaded_at from members
{% if known %}
union all
select k.space_key, k.team_id, k.user_id, true, greatest(t.loaded_at, k.loaded_at + interval '1 microsecond')
from {{ known }} as k
left join {{ source('raw', 'teams') }} as t on t.space_key = k.space_key and t.id = k.team_id
where k.valid_to is null and not k.is_deleted and not exists (
    select from members as m where m.space_key = k.space_key and m.team_id = k.team_id and m.user_id = k.user_id
)
union all
select k.space_key, k.team_id, k.user_id, true, k.loaded_at
from {{ known }} as k
where k.valid_to is null and k.is_deleted and not exists (
    select from members as m where m.space_key = k.space_key and m.team_id = k.team_id and m.user_id = k.user_id
)
{% endif %}
{% endsnapshot %}
