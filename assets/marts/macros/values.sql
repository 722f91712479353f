{# A shown number as numeric; null when it is none. #}
{% macro shown_number(column) -%}
    case when {{ column }} ~ '^ *-?[0-9]+(\.[0-9]+)? *$' then trim({{ column }})::numeric end
{%- endmacro %}

{# Whole seconds between two instants; null while one of them is. #}
{% macro seconds_between(since, until) -%}
    extract(epoch from {{ until }} - {{ since }})::bigint
{%- endmacro %}

{# A shown day (2026-07-31 or 2026/07/31) as a date; null when it is none, as 2026-02-30. #}
{% macro shown_date(column) -%}
    case
        when {{ column }} ~ '^[12][0-9]{3}[-/](0[1-9]|1[0-2])[-/](0[1-9]|[12][0-9]|3[01])' then
            case
                when substr({{ column }}, 9, 2)::int <= extract(
                    day from (left({{ column }}, 4) || '-' || substr({{ column }}, 6, 2) || '-01')::date + interval '1 month - 1 day'
                ) then replace(left({{ column }}, 10), '/', '-')::date
            end
    end
{%- endmacro %}

{# The ids of a list of an issue (i) in the order in which the source has it: the raw column is in the order of the ids. #}
{% macro in_order_of_source(ids, key) -%}
    case
        when cardinality({{ ids }}) > 1 then array(
            select (one.value ->> 'id')::bigint
            from jsonb_array_elements(i.payload -> '{{ key }}') with ordinality as one (value, place)
            order by one.place
        )
        else coalesce({{ ids }}, '{}')
    end
{%- endmacro %}

{#
Whether a day has passed, and by how many days, 0 while it has not: of an issue's own due date `is_overdue` and `days_overdue`, of that of
its milestone `is_milestone_overdue` and `days_milestone_overdue`. No other word says that open work is late.
#}
{% macro overdue(due, today, word='overdue') -%}
    coalesce({{ due }} < {{ today }}, false) as is_{{ word }},
    greatest({{ today }} - {{ due }}, case when {{ due }} is not null then 0 end) as days_{{ word }}
{%- endmacro %}

{#
The key of an issue by that of its project today: where the project was renamed after the issue was
deleted, nothing told of the new one.
#}
{% macro key_of_today(issue, project) -%}
    coalesce({{ project }}.project_key || substring({{ issue }}.issue_key from '-[0-9]+$'), {{ issue }}.issue_key)
{%- endmacro %}
