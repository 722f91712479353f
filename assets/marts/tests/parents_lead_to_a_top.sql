{{ config(
    severity='warn',
    meta={
        'description':
            'Issues that are their own parent by a loop of parents, or whose parent is gone: their parent counts '
            'as none.',
        'dagster': {'ref': {'name': 'issue_tree', 'package': 'backlog_elt'}},
    },
) }}
select t.space_key, t.project_key, t.issue_id, t.issue_key, i.parent_issue_id, case when t.is_on_loop then 'loop' else 'parent is gone' end as why
from {{ ref('issue_tree') }} as t
join {{ ref('issue') }} as i on i.space_key = t.space_key and i.issue_id = t.issue_id
where i.parent_issue_id is not null and t.parent_issue_id is null
