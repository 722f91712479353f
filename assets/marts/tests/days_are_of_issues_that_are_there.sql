{{ config(
    meta={
        'description':
            'On the day of the newest change every issue that is there has its one state: that of `issue` in '
            'every column that both have, and the milestones of today.',
        'dagster': {'ref': {'name': 'issue_history', 'package': 'backlog_elt'}},
    },
) }}
{% set issue, history = ref('issue'), ref('issue_history') %}
{% set columns = [] %}
{% if execute %}
{% set of_issue = adapter.get_columns_in_relation(issue) | map(attribute='name') | list %}
{% set columns = adapter.get_columns_in_relation(history) | map(attribute='name') | select('in', of_issue) | list %}
{% endif %}
select i.space_key, i.issue_id, i.issue_key, u.unequal
from {{ issue }} as i
join {{ ref('stg_issue') }} as s on s.space_key = i.space_key and s.issue_id = i.issue_id
left join (
    select h.*
    from {{ history }} as h
    join {{ ref('space_today') }} as t on t.space_key = h.space_key
    where h.first_day <= t.day and coalesce(h.last_day >= t.day, true)
) as h on h.space_key = i.space_key and h.issue_id = i.issue_id
cross join lateral (
    select concat_ws(
        ', '
        {%- for column in columns %}, case when h.{{ column }} is distinct from i.{{ column }} then '{{ column }}' end{% endfor %},
        case when h.milestone_ids is distinct from s.milestone_ids then 'milestone_ids' end
    ) as unequal
) as u
where not i.is_deleted and (
    h.milestone_ids is distinct from s.milestone_ids
    {%- for column in columns %} or h.{{ column }} is distinct from i.{{ column }}{% endfor %}
)
