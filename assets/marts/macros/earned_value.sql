{#
Earned value of projects or of milestones at the end of each week, of each month and of today: sums
of burn_day. Of days to come there is a planned value only.
#}
{% macro earned_value(level) -%}
{%- set key = 'project_id' if level == 'project' else 'milestone_id' -%}
{%- set sums = {
    'scope_hours': 'budget', 'planned_hours': 'planned', 'baseline_hours': 'baseline_budget',
    'baseline_planned_hours': 'baseline_planned', 'done_hours': 'earned', 'actual_hours': 'actual',
    'unestimated_hours': 'unestimated', 'costed_done_hours': 'costed_earned',
    'costed_actual_hours': 'costed_actual',
} -%}
with today as (
    select t.space_key, t.day, max(c.day) as last_day
    from {{ ref('space_today') }} as t
    join {{ ref('calendar') }} as c on c.space_key = t.space_key
    group by t.space_key, t.day
),
-- Each day counts at the next end of a week or month, at the latest today if it has come.
ends as (
    select
        c.space_key,
        c.day,
        c.week,
        c.month,
        least(
            c.week + 6,
            (c.month + interval '1 month - 1 day')::date,
            case when c.day <= t.day then t.day end
        ) as as_of
    from {{ ref('calendar') }} as c
    join today as t on t.space_key = c.space_key
),
changes as (
    select
        s.space_key,
        s.{{ key }},
        min(s.project_id) as project_of_steps,
        e.as_of,
        sum(s.scope - s.done) as open_issues
        {%- for column, name in sums.items() %},
        sum(s.{{ column }}) as {{ name }}
        {%- endfor %}
    from {{ ref('burn_day') }} as s
    join ends as e on e.space_key = s.space_key and e.day = s.day
    where s.milestone_id {{ '=' if level == 'project' else '<>' }} 0 {{ and_stale('s.space_key, s.' ~ key) }}
    group by s.space_key, s.{{ key }}, e.as_of
),
spans as (
    select
        s.space_key,
        s.{{ key }},
        min(s.project_of_steps) as project_of_steps,
        min(s.as_of) as first_end,
        greatest(
            max(s.as_of),
            {% if level == 'milestone' -%}
            case when sum(s.open_issues) > 0 then min(t.day) end
            {%- else -%}
            min(t.day)
            {%- endif %}
        ) as last_end
    from changes as s
    join today as t on t.space_key = s.space_key
    group by s.space_key, s.{{ key }}
),
periods as (
    select b.space_key, b.{{ key }}, b.project_of_steps, e.as_of, e.week, e.month, e.as_of <= t.day as has_come
    from spans as b
    join ends as e on e.space_key = b.space_key and e.day between b.first_end and b.last_end
        and e.day = e.as_of
    join today as t on t.space_key = b.space_key
),
totals as (
    select
        w.space_key,
        w.{{ key }},
        w.project_of_steps,
        w.as_of,
        w.week,
        w.month,
        w.has_come,
        w.has_come and row_number() over (
            partition by w.space_key, w.{{ key }}, w.has_come order by w.as_of desc
        ) = 1 as is_last
        {%- for name in sums.values() %},
        coalesce(s.{{ name }}, 0) as {{ name }}_since,
        coalesce(sum(s.{{ name }}) over in_month, 0) as month_{{ name }},
        coalesce(sum(s.{{ name }}) over following, 0) as {{ name }}
        {%- endfor %}
    from periods as w
    left join changes as s
        on s.space_key = w.space_key and s.{{ key }} = w.{{ key }} and s.as_of = w.as_of
    window
        following as (partition by w.space_key, w.{{ key }} order by w.as_of),
        in_month as (partition by w.space_key, w.{{ key }}, w.month order by w.as_of)
),
measured as (
    select
        *,
        costed_earned / nullif(costed_actual, 0) as cpi,
        actual + (budget - earned) * costed_actual / nullif(costed_earned, 0) as expected_cost
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
    v.as_of,
    v.week,
    v.month,
    v.as_of = v.week + 6 as is_week_end,
    v.as_of = (v.month + interval '1 month - 1 day')::date as is_month_end,
    v.has_come,
    v.is_last,
    v.planned as planned_value,
    v.baseline_planned as baseline_planned_value,
    v.month_planned as month_planned_value,
    v.planned_since
    {%- for name, value in {
        'earned_value': 'v.earned',
        'actual_cost': 'v.actual',
        'unestimated_hours': 'v.unestimated',
        'budget_hours': 'v.budget',
        'baseline_budget_hours': 'v.baseline_budget',
        'costed_earned_value': 'v.costed_earned',
        'costed_actual_cost': 'v.costed_actual',
        'cost_coverage': 'round(v.costed_earned / nullif(v.earned, 0), 4)',
        'is_cpi_reliable': 'v.costed_earned >= 0.8 * nullif(v.earned, 0)',
        'spi': 'round(v.earned / nullif(v.planned, 0), 4)',
        'cpi': 'round(v.cpi, 4)',
        'baseline_spi': 'round(v.earned / nullif(v.baseline_planned, 0), 4)',
        'schedule_variance': 'v.earned - v.planned',
        'cost_variance': 'v.costed_earned - v.costed_actual',
        'expected_cost': 'round(v.expected_cost, 4)',
        'estimate_to_complete': 'round(v.expected_cost - v.actual, 4)',
        'variance_at_completion': 'round(v.budget - v.expected_cost, 4)',
        'to_complete_index':
            'case when v.budget > v.actual then round((v.budget - v.earned) / (v.budget - v.actual), 4) end',
        'month_earned_value': 'v.month_earned',
        'month_actual_cost': 'v.month_actual',
        'month_spi':
            'case when v.month_planned > 0 then round(v.month_earned / v.month_planned, 4) end',
        'month_cpi':
            'case when v.month_costed_actual > 0 then '
            'round(v.month_costed_earned / v.month_costed_actual, 4) end',
        'earned_since': 'v.earned_since',
        'cost_since': 'v.actual_since',
        'costed_earned_since': 'v.costed_earned_since',
        'costed_cost_since': 'v.costed_actual_since',
    }.items() %},
    case when v.has_come then {{ value }} end as {{ name }}
    {%- endfor %}
from measured as v
{% if level == 'milestone' -%}
left join {{ source('raw', 'versions') }} as m on m.space_key = v.space_key and m.id = v.milestone_id
left join {{ source('raw', 'projects') }} as p on p.space_key = v.space_key and p.id = coalesce(m.project_id, v.project_of_steps)
{%- else -%}
left join {{ source('raw', 'projects') }} as p on p.space_key = v.space_key and p.id = v.project_id
{%- endif %}
{%- endmacro %}
