-- One row per comment with text: who, when, how long after the issue was made and after the comment before.
{{ config(meta={'invalidates': {'person_project_day': [project_week('said_day')]}}) }}
with said as (
    select
        *,
        row_number() over following as position,
        lag(created_at) over following as previous_at,
        lag(created_user_id) over following as previous_user_id
    from {{ ref('stg_comment') }} as c
    where c.is_said {{ and_targeted('c') }}
    window following as (partition by space_key, issue_id order by created_at, comment_id)
)
select
    c.space_key,
    c.issue_id,
    coalesce(stay.project_id, i.project_id) as project_id,
    i.issue_key,
    c.comment_id,
    c.position,
    c.created_at as said_at,
    (c.created_at at time zone i.timezone)::date as said_day,
    c.created_user_id as user_id,
    coalesce(u.name, p.name, '(unknown)') as user_name,
    coalesce(c.created_user_id = i.created_user_id, false) as is_author,
    coalesce(c.created_user_id is distinct from c.previous_user_id and c.previous_at is not null, false) as is_answer,
    {{ seconds_between('i.created_at', 'c.created_at') }} as seconds_since_created,
    {{ seconds_between('c.previous_at', 'c.created_at') }} as seconds_since_previous,
    length(c.content) as characters,
    i.deleted_at is not null as is_deleted
from said as c
join {{ ref('stg_issue') }} as i on i.space_key = c.space_key and i.issue_id = c.issue_id
{{ join_stay('c', 'c.created_at') }}
left join {{ source('raw', 'users') }} as u on u.space_key = c.space_key and u.id = c.created_user_id
left join {{ ref('stg_issue_person') }} as p
    on p.space_key = c.space_key and p.issue_id = c.issue_id and p.user_id = c.created_user_id
