{#
One row for each value that a field of an issue has had, from when to when: position 0 is the value the issue was made with (what the
first change says was before; without a change today's), then one for each change of the log, and one for each that no log has
(is_inferred), at its place among the others.

values: column -> [today's (of i), before a change (of c), after a change (of c, i, and u: the unlogged change that
follows it, if any), the same of an unlogged change (of u, SIDE being old or new)].
#}
{% macro timeline(field, values) -%}
    {%- set changes, unlogged = ref('stg_issue_change'), ref('stg_unlogged_change') -%}
    select
        space_key,
        issue_id,
        row_number() over following - 1 as position,
        valid_from,
        lead(valid_from) over following as valid_to,
        changed_by_id,
        comment_id,
        is_inferred
        {%- for column in values %},
        {{ column }}
        {%- endfor %}
    from (
        select
            i.space_key,
            i.issue_id,
            0::bigint as after_change,
            0::bigint as number,
            i.created_at as valid_from,
            i.created_user_id as changed_by_id,
            null::bigint as comment_id,
            false as is_inferred
            {%- for column, (now, before, after, unlogged) in values.items() %},
            case
                when u.issue_id is not null then {{ unlogged | replace('SIDE', 'old') }}
                when c.issue_id is not null then {{ before }}
                else {{ now }}
            end as {{ column }}
            {%- endfor %}
        from {{ ref('stg_issue') }} as i
        left join {{ changes }} as c
            on c.space_key = i.space_key and c.issue_id = i.issue_id and c.field = '{{ field }}' and c.change_number = 1
        left join {{ unlogged }} as u
            on u.space_key = i.space_key and u.issue_id = i.issue_id and u.field = '{{ field }}' and u.after_change = 0 and u.number = 1
        where true {{ and_targeted('i') }}
        union all
        select c.space_key, c.issue_id, c.change_number, 0, c.changed_at, c.changed_by_id, c.comment_id, false
            {%- for column, (now, before, after, unlogged) in values.items() %}, {{ after }}{% endfor %}
        from {{ changes }} as c
        join {{ ref('stg_issue') }} as i on i.space_key = c.space_key and i.issue_id = c.issue_id
        left join {{ unlogged }} as u
            on u.space_key = c.space_key and u.issue_id = c.issue_id and u.field = c.field
                and u.after_change = c.change_number and u.number = 1
        where c.field = '{{ field }}' {{ and_targeted('c') }}
        union all
        select u.space_key, u.issue_id, u.after_change, u.number, u.changed_at, null, null, true
            {%- for column, (now, before, after, unlogged) in values.items() %}, {{ unlogged | replace('SIDE', 'new') }}{% endfor %}
        from {{ unlogged }} as u
        where u.field = '{{ field }}' {{ and_targeted('u') }}
    ) as points
    window following as (partition by space_key, issue_id order by after_change, number)
{%- endmacro %}

{#
A join: `stay` is where an issue was at a moment, of those that have moved to another project. All others have no such row, and are where
they always were: coalesce(stay.project_id, i.project_id).
#}
{% macro join_stay(alias, at, stay='stay') -%}
    left join {{ ref('stg_issue_project') }} as {{ stay }}
        on {{ stay }}.space_key = {{ alias }}.space_key and {{ stay }}.issue_id = {{ alias }}.issue_id
            and {{ stay }}.valid_from <= {{ at }} and ({{ at }} < {{ stay }}.valid_to or {{ stay }}.valid_to is null)
{%- endmacro %}

{#
The id after a change. Where the log does not have it, as of one of two users of one name, it is what an unlogged change was
seen to replace, or today's after the last change, if the name is today's.
#}
{% macro id_after(name, id) -%}
    coalesce(
        c.new_id,
        case when c.new_value is null then null when u.issue_id is not null then u.old_value::bigint
            when c.is_last_change and c.new_value = i.{{ name }} then i.{{ id }} end
    )
{%- endmacro %}

{# The values of the fields that are followed through time as text, so that they can be compared: field -> value of an issue i. #}
{% macro values_today() -%}
    values
        ('status', i.status_id::text, i.status),
        ('assignee', i.assignee_id::text, i.assignee),
        ('due_date', i.due_date::text, null),
        ('estimated_hours', trim_scale(i.estimated_hours)::text, null),
        ('actual_hours', trim_scale(i.actual_hours)::text, null),
        ('milestone', {{ sorted_ids('i.milestone_ids') }}, null)
{%- endmacro %}

{# Ids in their order as text; a list that is not there is empty. #}
{% macro sorted_ids(ids) -%}
    coalesce((select array_agg(s.id order by s.id) from unnest({{ ids }}) as s (id)), '{}')::text
{%- endmacro %}

{#
The same of a field that has only the log: rows for the issues of which it was changed; all others have always had what they have today,
and so has everybody since the last change. values: column -> [before a change (of c), after it]. The value that holds when an issue moves to
another project may have gone with the move (`stg_issue_project`).
#}
{% macro logged_timeline(field, values) -%}
    {%- set changes = ref('stg_issue_change') -%}
    select *, lead(valid_from) over (partition by space_key, issue_id order by position) as valid_to
    from (
    select c.space_key, c.issue_id, 0::bigint as position, i.created_at as valid_from, false as is_last
        {%- for column, (before, after) in values.items() %}, {{ before }} as {{ column }}{% endfor %}
    from {{ changes }} as c
    join {{ ref('stg_issue') }} as i on i.space_key = c.space_key and i.issue_id = c.issue_id
    where c.field = '{{ field }}' and c.change_number = 1 {{ and_targeted('c') }}
    union all
    select c.space_key, c.issue_id, c.change_number, c.changed_at, c.is_last_change
        {%- for column, (before, after) in values.items() %}, {{ after }}{% endfor %}
    from {{ changes }} as c
    where c.field = '{{ field }}' {{ and_targeted('c') }}
    ) as points
{%- endmacro %}

{# What an issue had by such a timeline: left behind by a move, of today, or of the log. #}
{% macro logged_value(timeline, column) -%}
    case
        when stay.valid_to is not null and coalesce({{ timeline }}.valid_to >= stay.valid_to, true) then stay.{{ column }}
        when coalesce({{ timeline }}.is_last, true) then i.{{ column }}
        else {{ timeline }}.{{ column }}
    end as {{ column }}
{%- endmacro %}
