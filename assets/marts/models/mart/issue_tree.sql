-- Issues that have a parent or children: their place in the tree, and what is below them, children of children too. A parent that is gone
-- counts as none, and so does that of an issue on a loop of parents; of a chain of parents the nearest 50 count.
{{ config(pre_hook=["{{ hashed() }}", "{{ with_kin() }}"], meta={'groups': 'space_key, issue_id'}) }}
-- depends_on: {{ ref('stg_issue') }}
with recursive links as materialized (
    select k.space_key, k.issue_id, k.parent_issue_id
    from {{ ref('issue') }} as k
    join {{ ref('issue') }} as p on p.space_key = k.space_key and p.issue_id = k.parent_issue_id and not p.is_deleted
    where not k.is_deleted {{ and_stale('k.space_key, k.issue_id') }}
),
chains as (
    select space_key, issue_id, parent_issue_id as ancestor_id, array[issue_id] as path, parent_issue_id = issue_id as is_end
    from links
    union all
    select w.space_key, w.issue_id, l.parent_issue_id, w.path || w.ancestor_id, l.parent_issue_id = any(w.path || w.ancestor_id)
    from chains as w
    join links as l on l.space_key = w.space_key and l.issue_id = w.ancestor_id
    where not w.is_end and cardinality(w.path) < 50
),
loops as materialized (
    select distinct space_key, issue_id
    from chains
    where ancestor_id = issue_id
),
looped as (
    select space_key, array_agg(issue_id) as issue_ids
    from loops
    group by space_key
),
-- Each issue with each issue above it, by how many steps.
pairs as materialized (
    select w.space_key, w.issue_id, w.ancestor_id, cardinality(w.path) as steps
    from chains as w
    left join looped as o on o.space_key = w.space_key
    where not coalesce(w.path && o.issue_ids, false)
),
tops as (
    select distinct on (space_key, issue_id) space_key, issue_id, ancestor_id as root_issue_id, steps as depth
    from pairs
    order by space_key, issue_id, steps desc
),
below as (
    select
        p.space_key,
        p.ancestor_id as issue_id,
        count(*) filter (where p.steps = 1) as children,
        count(*) as descendants,
        count(*) filter (where i.stage = 'done') as descendants_done,
        count(*) filter (where i.estimated_hours is null) as descendants_unestimated,
        sum(coalesce(i.estimated_hours, 0)) as estimated_hours,
        sum(coalesce(i.estimated_hours, 0)) filter (where i.stage = 'done') as done_hours,
        sum(coalesce(i.actual_hours, 0)) as actual_hours,
        sum(coalesce(i.remaining_hours, 0)) as remaining_hours,
        min(i.planned_start) as first_start,
        max(i.planned_due) as last_due
    from pairs as p
    join {{ ref('issue_plan') }} as i on i.space_key = p.space_key and i.issue_id = p.issue_id
    group by p.space_key, p.ancestor_id
),
members as (
    select space_key, issue_id
    from {{ ref('issue') }}
    where parent_issue_id is not null and not is_deleted {{ and_stale('space_key, issue_id') }}
    union
    select space_key, issue_id
    from below
)
select
    i.space_key,
    i.issue_id,
    i.project_id,
    i.project_key,
    i.issue_key,
    d.ancestor_id as parent_issue_id,
    coalesce(t.root_issue_id, i.issue_id) as root_issue_id,
    coalesce(t.depth, 0) as depth,
    o.issue_id is not null as is_on_loop,
    coalesce(b.children, 0) as children,
    coalesce(b.descendants, 0) as descendants,
    coalesce(b.descendants_done, 0) as descendants_done,
    coalesce(i.estimated_hours, 0) + coalesce(b.estimated_hours, 0) as estimated_hours,
    coalesce(i.actual_hours, 0) + coalesce(b.actual_hours, 0) as actual_hours,
    coalesce(i.remaining_hours, 0) + coalesce(b.remaining_hours, 0) as remaining_hours,
    round(b.descendants_done::numeric / b.descendants, 4) as progress_issues,
    case when b.descendants_unestimated = 0 then round(coalesce(b.done_hours, 0) / nullif(b.estimated_hours, 0), 4) end as progress_hours,
    b.first_start as first_start_below,
    b.last_due as last_due_below
from members as m
join {{ ref('issue_plan') }} as i on i.space_key = m.space_key and i.issue_id = m.issue_id
left join pairs as d on d.space_key = m.space_key and d.issue_id = m.issue_id and d.steps = 1
left join tops as t on t.space_key = m.space_key and t.issue_id = m.issue_id
left join loops as o on o.space_key = m.space_key and o.issue_id = m.issue_id
left join below as b on b.space_key = m.space_key and b.issue_id = m.issue_id
