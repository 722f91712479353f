-- Lines of the mapping capacity.csv, and whom and which project they mean. A person is named by id, login or name, in this order; a
-- line without a space key is for every space that has the person.
with lines as (
    {{ mapped('capacity', {
        'space_key': 'text', 'person': 'text', 'project_key': 'text', 'from_day': 'date', 'to_day': 'date',
        'hours_per_day': 'numeric', 'share': 'numeric'
    }) | indent(4) }}
),
called as (
    select space_key, user_id, user_id::text as called, 1 as place
    from {{ ref('dim_person') }}
    where user_id <> 0
    union all
    select space_key, id, user_id, 2
    from {{ source('raw', 'users') }}
    union all
    select space_key, user_id, user_name, 3
    from {{ ref('dim_person') }}
    where user_id <> 0
)
select
    l.line,
    z.space_key,
    l.person,
    l.project_key,
    case when w.people = 1 then w.user_id end as user_id,
    p.id as project_id,
    l.from_day,
    l.to_day,
    l.hours_per_day,
    l.share,
    coalesce(w.people, 0) as people
from lines as l
join {{ source('raw', 'space') }} as z on z.space_key = coalesce(l.space_key, z.space_key)
left join lateral (
    select min(c.user_id) as user_id, count(distinct c.user_id) as people
    from called as c
    where c.space_key = z.space_key and c.called = l.person
    group by c.place
    order by c.place
    limit 1
) as w on true
left join {{ source('raw', 'projects') }} as p on p.space_key = z.space_key and p.project_key = l.project_key
