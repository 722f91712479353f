{#
The working days of each space, numbered: `worked` days are over at the end of the day, `worked_before` at its beginning. What lies
between two numbers is spread evenly over the working days between them.
#}
{% macro numbered_days() -%}
    select
        space_key,
        day,
        week,
        month,
        is_working_day,
        working_seconds,
        count(*) filter (where is_working_day) over following as worked,
        count(*) filter (where is_working_day) over following - is_working_day::int as worked_before,
        min(day) over (partition by space_key) as first_day,
        max(day) over (partition by space_key) as last_day
    from {{ ref('calendar') }}
    window following as (partition by space_key order by day)
{%- endmacro %}

{# What is left of an estimate: nothing of what is done, and never less than nothing; null without an estimate. #}
{% macro remaining_hours(is_done, estimated, actual) -%}
    case when {{ is_done }} then 0 when {{ estimated }} is not null then greatest({{ estimated }} - coalesce({{ actual }}, 0), 0) end
{%- endmacro %}

{# A day outside the calendar counts as its first or last one, which `limits` (l) has. #}
{% macro in_calendar(day) -%}
    case when {{ day }} is not null then greatest(least({{ day }}, l.last_day), l.first_day) end
{%- endmacro %}
