-- One row per change of actual hours: what it added, when, by whom. Its sum is the issue's actual hours of today, for every issue:
-- what the change log does not tell is a row of its own, of kind opening (known from the beginning) or adjustment.
with changes as (
    select
        space_key,
        issue_id,
        change_number,
        changed_at,
        changed_by_id,
        coalesce({{ shown_number('old_value') }}, 0) as hours_before,
        coalesce({{ shown_number('new_value') }}, 0) as hours_after,
        comment_id,
        is_last_change
    from {{ ref('stg_issue_change') }} as h
    where h.field = 'actual_hours' {{ and_touched('h') }}
),
edges as (
    select
        i.space_key,
        i.issue_id,
        i.created_at,
        i.created_user_id,
        i.updated_at,
        coalesce(i.actual_hours, 0) as hours_now,
        first_change.hours_before as hours_first,
        last_change.hours_after as hours_last,
        last_change.change_number
    from {{ ref('stg_issue') }} as i
    left join changes as first_change
        on first_change.space_key = i.space_key and first_change.issue_id = i.issue_id and first_change.change_number = 1
    left join changes as last_change
        on last_change.space_key = i.space_key and last_change.issue_id = i.issue_id and last_change.is_last_change
    where true {{ and_touched('i') }}
),
rows as (
    select
        space_key,
        issue_id,
        0 as position,
        'opening' as kind,
        created_at as changed_at,
        created_user_id as user_id,
        coalesce(hours_first, hours_now) as hours,
        null::bigint as comment_id
    from edges
    where coalesce(hours_first, hours_now) <> 0
    union all
    select
        space_key,
        issue_id,
        change_number,
        'change',
        changed_at,
        changed_by_id,
        hours_after - coalesce(
            lag(hours_after) over (partition by space_key, issue_id order by change_number), hours_before
        ),
        comment_id
    from changes
    union all
    select space_key, issue_id, change_number + 1, 'adjustment', updated_at, null, hours_now - hours_last, null
    from edges
    where hours_last is not null and hours_now <> hours_last
)
select
    r.space_key,
    r.issue_id,
    i.project_id,
    i.project_key,
    i.issue_key,
    r.position,
    r.kind,
    r.changed_at,
    (r.changed_at at time zone i.timezone)::date as work_date,
    date_trunc('month', r.changed_at at time zone i.timezone)::date as work_month,
    r.user_id,
    u.name as user_name,
    r.hours,
    r.comment_id,
    i.deleted_at is not null as is_deleted
from rows as r
join {{ ref('stg_issue') }} as i on i.space_key = r.space_key and i.issue_id = r.issue_id
left join {{ source('raw', 'users') }} as u on u.space_key = r.space_key and u.id = r.user_id
