{{ config(
    meta={
        'description':
            'Hours, issues and comments by person add up to the ledger, the issues and the comments: no one is '
            'left out.',
        'dagster': {'ref': {'name': 'user_summary', 'package': 'backlog_elt'}},
    },
) }}
with totals as (
    select space_key, 'hours' as what, sum(hours) as by_record, 0::numeric as by_week, 0::numeric as by_person
    from {{ ref('hours_ledger') }} where not is_deleted group by space_key
    union all
    select space_key, 'comments', count(*), 0, 0 from {{ ref('conversation') }} where not is_deleted group by space_key
    union all
    select space_key, 'created', count(*), 0, 0 from {{ ref('issue') }} where not is_deleted group by space_key
    union all
    select space_key, 'done', count(*), 0, 0 from {{ ref('issue') }} where not is_deleted and stage = 'done' group by space_key
    union all
    select w.space_key, v.what, 0, v.value, 0
    from {{ ref('user_workload_weekly') }} as w
    cross join lateral (values ('hours', w.hours), ('comments', w.comments), ('created', w.created), ('done', w.done)) as v (what, value)
    union all
    select s.space_key, v.what, 0, 0, v.value
    from {{ ref('user_summary') }} as s
    cross join lateral (
        values ('hours', s.hours), ('comments', s.comments), ('created', s.created), ('done', s.done_issues)
    ) as v (what, value)
)
select space_key, what, sum(by_record) as by_record, sum(by_week) as by_week, sum(by_person) as by_person
from totals
group by space_key, what
having sum(by_record) <> sum(by_week) or sum(by_record) <> sum(by_person)
