-- One row per change of one field that the source still has, or that went with its issue, numbered
-- within issue and field. An estimate of 0 is none. What is odd about a change is worked out here,
-- once, and found by an index: tests that ask all changes for it took a tenth of each build.
{{ config(post_hook="{% if not is_incremental() %}create index on {{ this }} (space_key) where not follows_on or not is_readable or not is_known{% endif %}") }}
with numbered as (
    select
        c.space_key,
        c.issue_id,
        c.project_id,
        c.comment_id,
        c.position,
        c.field,
        c.kind,
        c.created_at as changed_at,
        c.created_user_id as changed_by_id,
        v.old_value,
        v.new_value,
        c.old_id,
        c.new_id,
        c.old_ids,
        c.new_ids,
        row_number() over following as change_number,
        lead(c.comment_id) over following is null as is_last_change,
        lag(v.new_value) over following as value_before,
        lag(c.new_id) over following as id_before
    from {{ source('raw', 'issue_changes') }} as c
    cross join lateral (
        select
        {%- for side in ('old_value', 'new_value') %}
            case
                when (c.field = 'estimated_hours' and {{ shown_number('c.' ~ side) }} = 0) is not true
                    then c.{{ side }}
            end as {{ side }}{{ ',' if not loop.last }}
        {%- endfor %}
    ) as v
    where {{ is_reported('c') }} {{ and_targeted('c') }}
    window following as (partition by c.space_key, c.issue_id, c.field order by c.created_at, c.comment_id, c.position)
)
select
    n.space_key,
    n.issue_id,
    n.project_id,
    n.comment_id,
    n.position,
    n.field,
    n.kind,
    n.changed_at,
    n.changed_by_id,
    n.old_value,
    n.new_value,
    n.old_id,
    n.new_id,
    n.old_ids,
    n.new_ids,
    n.change_number,
    n.is_last_change,
    f.follows_on,
    case when not f.follows_on then n.value_before end as value_before,
    case
        when n.field in ('actual_hours', 'estimated_hours') then
            (n.old_value is null or {{ shown_number('n.old_value') }} is not null)
            and (n.new_value is null or {{ shown_number('n.new_value') }} is not null)
        when n.field in ('start_date', 'due_date') then
            (n.old_value is null or {{ shown_date('n.old_value') }} is not null)
            and (n.new_value is null or {{ shown_date('n.new_value') }} is not null)
        else true
    end as is_readable,
    case
        when n.field in ('status', 'assignee', 'issue_type', 'priority') then
            (n.old_value is null or n.old_id is not null) and (n.new_value is null or n.new_id is not null)
        when n.field in ('milestone', 'category') then
            (n.old_value is null or n.old_ids is not null) and (n.new_value is null or n.new_ids is not null)
        else true
    end as is_known
from numbered as n
-- By its value, or by its id under another name.
cross join lateral (
    select case
        when n.change_number > 1 then n.old_value is not distinct from n.value_before or coalesce(n.old_id = n.id_before, false)
    end as follows_on
) as f
