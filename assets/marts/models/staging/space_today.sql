-- The newest change that is known of a space, and its day: to this instant ages are counted, and to this day charts are drawn.
with newest as (
    select i.space_key, max(i.updated_at) as at, max(i.timezone) as timezone
    from {{ ref('stg_issue') }} as i
    group by i.space_key
),
unlogged as (
    select u.space_key, max(u.changed_at) as at
    from {{ ref('stg_unlogged_change') }} as u
    group by u.space_key
),
moves as (
    select m.space_key, max(m.valid_to) as at
    from {{ ref('stg_issue_project') }} as m
    group by m.space_key
)
select
    n.space_key,
    greatest(n.at, c.at, u.at, m.at) as as_of,
    (greatest(n.at, c.at, u.at, m.at) at time zone n.timezone)::date as day,
    n.timezone
from newest as n
-- By index, space by space.
cross join lateral (select max(changed_at) as at from {{ ref('stg_issue_change') }} where space_key = n.space_key) as c
left join unlogged as u on u.space_key = n.space_key
left join moves as m on m.space_key = n.space_key
