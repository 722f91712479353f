-- What is wrong in the files of mappings that people edit: lines that could not be read, and lines that name what no space has.
with lines as (
    select m.file, m.line, m.cells ->> 'space_key' as space_key, m.cells ->> 'project_key' as project_key
    from {{ source('ops', 'mapping_lines') }} as m
    where m.cells is not null
),
capacity as (
    select * from {{ ref('capacity_line') }} where project_key is null or project_id is not null
)
select file, line::int as line, problem as reason from {{ source('ops', 'mapping_lines') }} where problem is not null
union
select l.file, l.line::int, 'no space has the key ' || l.space_key
from lines as l
where not exists (select from {{ source('raw', 'space') }} as s where s.space_key = l.space_key) and l.space_key is not null
union
select l.file, l.line::int, 'no project has the key ' || l.project_key
from lines as l
where l.project_key is not null and not exists (
    select from {{ source('raw', 'projects') }} as p
    where p.project_key = l.project_key and p.space_key = coalesce(l.space_key, p.space_key)
)
union
select b.file, b.line, 'baseline_day is in the future'
from (
    select 'baselines.csv' as file, b.line::int as line
    from {{ ref('baselines') }} as b
    join {{ ref('space_today') }} as t on t.space_key = coalesce(b.space_key, t.space_key)
    where b.baseline_day > t.day
) as b
union
select 'capacity.csv', c.line::int, case
    when max(c.people) = 0 then 'no person has this id, login or name'
    else 'several people have this name: write a login or an id'
end
from {{ ref('capacity_line') }} as c
group by c.line
having count(c.user_id) = 0
union
-- A later line within the time of an earlier one is an exception to it, such as a leave, and none of these.
select 'capacity.csv', a.line::int, 'line ' || max(b.line) || ' is for some of the same days and counts there'
from capacity as a
join capacity as b
    on b.space_key = a.space_key and b.user_id = a.user_id and b.project_id is not distinct from a.project_id and b.line > a.line
        and daterange(a.from_day, a.to_day, '[]') && daterange(b.from_day, b.to_day, '[]')
        and not (
            daterange(a.from_day, a.to_day, '[]') @> daterange(b.from_day, b.to_day, '[]')
            and daterange(a.from_day, a.to_day, '[]') <> daterange(b.from_day, b.to_day, '[]')
        )
group by a.line
order by 1, 2, 3
