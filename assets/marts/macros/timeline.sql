{#
One row for each value that a field of an issue has had: position 0 is the value the issue was made with (what the first change says
was before; without a change today's), then one for each change. Where the last change does not lead to today's value, as after a
status was deleted with a substitute, one more row gives today's value from the last change of the issue on: is_inferred.

values: column -> [today's (of i), before a change (of c), after a change (of c, i)]; differs: today's value (i) is not that of change c.
#}
{% macro timeline(field, values, differs) -%}
    select
        i.space_key,
        i.issue_id,
        0 as position,
        i.created_at as valid_from,
        i.created_user_id as changed_by_id,
        false as is_inferred
        {%- for column, (now, before, after) in values.items() %},
        case when c.issue_id is null then {{ now }} else {{ before }} end as {{ column }}
        {%- endfor %}
    from {{ ref('stg_issue') }} as i
    left join {{ ref('stg_issue_change') }} as c
        on c.space_key = i.space_key and c.issue_id = i.issue_id and c.field = '{{ field }}' and c.change_number = 1
    where true {{ and_touched('i') }}
    union all
    select c.space_key, c.issue_id, c.change_number, c.changed_at, c.changed_by_id, false
        {%- for column, (now, before, after) in values.items() %}, {{ after }}{% endfor %}
    from {{ ref('stg_issue_change') }} as c
    join {{ ref('stg_issue') }} as i on i.space_key = c.space_key and i.issue_id = c.issue_id
    where c.field = '{{ field }}' {{ and_touched('c') }}
    union all
    select i.space_key, i.issue_id, c.change_number + 1, greatest(i.updated_at, c.changed_at), null, true
        {%- for column, (now, before, after) in values.items() %}, {{ now }}{% endfor %}
    from {{ ref('stg_issue') }} as i
    join {{ ref('stg_issue_change') }} as c
        on c.space_key = i.space_key and c.issue_id = i.issue_id and c.field = '{{ field }}' and c.is_last_change
    where ({{ differs }}) {{ and_touched('i') }}
{%- endmacro %}

{#
The id after a change. Where the log does not tell it, as of one of two users of one name, it is today's after the last change, if the
name is today's.
#}
{% macro id_after(name, id) -%}
    coalesce(c.new_id, case when c.is_last_change and c.new_value = i.{{ name }} then i.{{ id }} end)
{%- endmacro %}
