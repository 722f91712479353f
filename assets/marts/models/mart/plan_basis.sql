-- What sums of milestones and of earned value stand on besides the rows that they add up: the day of today, the calendar, milestones and
-- projects. All are made anew when it changes. A space has it before it has issues.
{{ config(meta={
    'invalidates': {
        'milestone_burn': [], 'forecast': [], 'velocity': [], 'earned_value_milestone': [], 'earned_value_project': []
    },
}) }}
select
    s.space_key,
    t.day,
    {%- for name, (relation, columns) in {
        'calendar': (ref('calendar'), 'one.*'),
        'milestones': (
            source('raw', 'versions'),
            'one.id, one.project_id, one.name, one.start_date, one.release_due_date, one.archived, one.deleted_at'
        ),
        'projects': (source('raw', 'projects'), 'one.id, one.project_key')
    }.items() %}
    (
        select md5(string_agg(row({{ columns }})::text, ',' order by row({{ columns }})::text))
        from {{ relation }} as one
        where one.space_key = s.space_key
    ) as {{ name }}
    {{- ',' if not loop.last }}
    {%- endfor %}
from (
    select space_key from {{ ref('space_today') }}
    union
    select space_key from {{ source('raw', 'versions') }}
    union
    select space_key from {{ source('raw', 'projects') }}
) as s
left join {{ ref('space_today') }} as t on t.space_key = s.space_key
