-- What each person did in a week (Monday to Sunday, in the space's zone): issues made, issues done that were theirs, comments, hours.
-- What no record names a person for belongs to user 0, so that nothing is left out.
{{ config(meta={'groups': 'space_key, user_id, week'}, post_hook="{{ names_of_today('user_name', ref('dim_person'), 'user_name', 'user_id', 'user_id') }}") }}
select w.space_key, w.user_id, u.user_name, w.week, w.created, w.done, w.comments, w.hours
from (
    select
        space_key,
        user_id,
        week,
        sum(created)::bigint as created,
        sum(done)::bigint as done,
        sum(comments)::bigint as comments,
        sum(hours) as hours
    from {{ ref('person_project_week') }}
    where true {{ and_stale('space_key, user_id, week') }}
    group by space_key, user_id, week
) as w
left join {{ ref('dim_person') }} as u on u.space_key = w.space_key and u.user_id = w.user_id
