-- One row per comment that the source still has, or that went with its issue; those without text only record changes.
select
    space_key,
    id as comment_id,
    issue_id,
    project_id,
    content,
    content is not null and content <> '' as is_said,
    created_user_id,
    created_at
from {{ source('raw', 'comments') }} as c
where {{ is_reported('c') }} {{ and_targeted('c') }}
