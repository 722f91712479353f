{#
Planned value, earned value and actual cost at the end of each week, of projects or of milestones: sums of burn_day. The week of today ends
today: what is planned for its other days is in the week after, and weeks to come have a planned value only.
#}
{% macro earned_value(level) -%}
{%- set key = 'project_id' if level == 'project' else 'milestone_id' -%}
with today as (
    select t.space_key, t.day, date_trunc('week', t.day)::date as week, c.last_week
    from {{ ref('space_today') }} as t
    join (
        select space_key, max(week) as last_week
        from {{ ref('calendar') }}
        group by space_key
    ) as c on c.space_key = t.space_key
),
sums as (
    select
        s.space_key,
        s.{{ key }},
        min(s.project_id) as project_of_steps,
        case when s.day > t.day then greatest(date_trunc('week', s.day)::date, t.week + 7) else date_trunc('week', s.day)::date end as week,
        sum(s.scope - s.done) as open_issues,
        sum(s.scope_hours) as budget,
        sum(s.planned_hours) as planned,
        sum(s.done_hours) as earned,
        sum(s.actual_hours) as actual,
        sum(s.unestimated_hours) as unestimated
    from {{ ref('burn_day') }} as s
    join today as t on t.space_key = s.space_key
    where s.milestone_id {{ '=' if level == 'project' else '<>' }} 0 {{ and_stale('s.space_key, s.' ~ key) }}
    group by 1, 2, 4
),
spans as (
    select
        s.space_key,
        s.{{ key }},
        min(s.project_of_steps) as project_of_steps,
        min(s.week) as first_week,
        least(
            greatest(max(s.week){% if level == 'milestone' %}, case when sum(s.open_issues) > 0 then min(t.week) end{% else %}, min(t.week){% endif %}),
            min(t.last_week)
        ) as last_week
    from sums as s
    join today as t on t.space_key = s.space_key
    group by s.space_key, s.{{ key }}
),
weeks as (
    select b.space_key, b.{{ key }}, b.project_of_steps, w.week::date as week
    from spans as b
    cross join lateral generate_series(b.first_week::timestamp, b.last_week, interval '7 days') as w (week)
),
totals as (
    select
        w.*,
        t.week as this_week,
        case when w.week = t.week then t.day else w.week + 6 end as as_of,
        sum(s.budget) over following as budget,
        coalesce(sum(s.planned) over following, 0) as planned,
        sum(s.earned) over following as earned,
        sum(s.actual) over following as actual,
        sum(s.unestimated) over following as unestimated
    from weeks as w
    join today as t on t.space_key = w.space_key
    left join sums as s on s.space_key = w.space_key and s.{{ key }} = w.{{ key }} and s.week = w.week
    window following as (partition by w.space_key, w.{{ key }} order by w.week)
),
valued as (
    select
        *,
        earned / nullif(planned, 0) as spi,
        earned / nullif(actual - unestimated, 0) as cpi
    from totals
)
select
    v.space_key,
    {% if level == 'project' -%}
    v.project_id,
    p.project_key,
    {%- else -%}
    v.milestone_id,
    coalesce(m.name, '(unknown)') as milestone,
    p.id as project_id,
    p.project_key,
    {%- endif %}
    v.week,
    v.as_of,
    v.planned as planned_value,
    case when v.week <= v.this_week then v.earned end as earned_value,
    case when v.week <= v.this_week then v.actual end as actual_cost,
    case when v.week <= v.this_week then v.unestimated end as unestimated_hours,
    case when v.week <= v.this_week then v.budget end as budget_hours,
    case when v.week <= v.this_week then round(v.spi, 4) end as spi,
    case when v.week <= v.this_week then round(v.cpi, 4) end as cpi,
    case when v.week <= v.this_week then round(v.actual + (v.budget - v.earned) / nullif(v.cpi, 0), 4) end as expected_cost
from valued as v
{% if level == 'milestone' -%}
left join {{ source('raw', 'versions') }} as m on m.space_key = v.space_key and m.id = v.milestone_id
left join {{ source('raw', 'projects') }} as p on p.space_key = v.space_key and p.id = coalesce(m.project_id, v.project_of_steps)
{%- else -%}
left join {{ source('raw', 'projects') }} as p on p.space_key = v.space_key and p.id = v.project_id
{%- endif %}
{%- endmacro %}
