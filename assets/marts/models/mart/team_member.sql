-- Who is in which team now; team 0 has everybody who is in none, also user 0, so that a filter by team leaves nobody out.
with members as (
    select m.space_key, m.team_id, m.user_id
    from {{ ref('team_membership') }} as m
    where m.last_day is null
)
select
    u.space_key,
    coalesce(m.team_id, 0) as team_id,
    coalesce(t.name, '(no team)') as team,
    u.user_id,
    u.user_name,
    count(m.team_id) over (partition by u.space_key, u.user_id) as teams
from {{ ref('dim_person') }} as u
left join members as m on m.space_key = u.space_key and m.user_id = u.user_id
left join {{ source('raw', 'teams') }} as t on t.space_key = m.space_key and t.id = m.team_id
