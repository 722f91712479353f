{#
Seconds of working time from the beginning of the calendar to an instant, `day` being the instant's row of the calendar and `at` the
instant in the zone of the space: those of the days before, and of its own day what lies between opening, break and closing.
#}
{% macro worked_until(day, at) -%}
    ({{ day }}.working_seconds_before
        + coalesce(greatest(0, least(extract(epoch from ({{ at }})::time)::int, {{ day }}.closes_at) - {{ day }}.opens_at), 0)
        - coalesce(greatest(0, least(extract(epoch from ({{ at }})::time)::int, {{ day }}.break_ends_at) - {{ day }}.break_begins_at), 0))
{%- endmacro %}
