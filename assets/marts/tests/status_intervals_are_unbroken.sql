{{ config(
    meta={
        'description':
            'The intervals of an issue follow each other without gap or overlap, and exactly the last one is '
            'open. It covers the issues that the last build rebuilt.',
        'dagster': {'ref': {'name': 'issue_status_interval', 'package': 'backlog_elt'}},
    },
) }}
select space_key, issue_id
from {{ ref('issue_status_interval') }}
where (space_key, issue_id) in (select space_key, issue_id from {{ ref('changed_issue') }})
group by space_key, issue_id
having count(*) filter (where valid_to is null) <> 1
    or bool_or(valid_to < valid_from)
    or sum(seconds) is distinct from extract(epoch from max(valid_from) - min(valid_from))::bigint
    and count(*) > 1
