-- What is wrong in the files of mappings that people edit: lines that could not be read, and lines that name what no space has.
with lines as (
    select m.file, m.line, m.cells ->> 'space_key' as space_key, m.cells ->> 'project_key' as project_key
    from {{ source('ops', 'mapping_lines') }} as m
    where m.cells is not null
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
    where b.baseline_day > (now() at time zone t.timezone)::date
) as b
order by 1, 2, 3
