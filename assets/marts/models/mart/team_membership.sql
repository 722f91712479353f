-- Who was in which team on which days, by the end of the day in the space's zone; last_day is empty while it lasts. Who was in a team when
-- it was first seen was so since it was made, not before.
{{ config(meta={'invalidates': {'team_project_day': []}}) }}
select *
from (
    select
        m.space_key,
        m.team_id,
        m.user_id,
        (greatest(m.valid_from, t.created_at) at time zone coalesce(z.timezone, 'UTC'))::date as first_day,
        (m.valid_to at time zone coalesce(z.timezone, 'UTC'))::date - 1 as last_day
    from {{ ref('dim_team_membership') }} as m
    left join {{ source('raw', 'teams') }} as t on t.space_key = m.space_key and t.id = m.team_id
    left join {{ source('raw', 'space') }} as z on z.space_key = m.space_key
    where not m.is_deleted
) as d
where last_day is null or last_day >= first_day
