-- burn_step by day: what changed for each project (milestone 0) and milestone. Read by the models of burn-up and earned value.
{{ config(pre_hook="{{ hashed() }}", meta={'groups': 'space_key, project_id, milestone_id, day', 'invalidates': {
    'milestone_burn': ['space_key, milestone_id'],
    'earned_value_milestone': ['space_key, milestone_id'],
    'earned_value_project': ['space_key, project_id'],
    'forecast': {
        'columns': 'space_key, project_id, milestone_id, day, scope, done, finished, reopened',
        'groups': ['space_key, project_id', milestone_project()],
    },
}}) }}
-- depends_on: {{ ref('plan_basis') }}
-- It takes away the lists of groups that this one writes to.
select
    space_key,
    project_id,
    milestone_id,
    day,
    sum(scope)::bigint as scope,
    sum(done)::bigint as done,
    sum(scope_hours) as scope_hours,
    sum(done_hours) as done_hours,
    sum(actual_hours) as actual_hours,
    sum(unestimated_hours) as unestimated_hours,
    sum(costed_done_hours) as costed_done_hours,
    sum(costed_actual_hours) as costed_actual_hours,
    sum(planned_hours) as planned_hours,
    sum(baseline_hours) as baseline_hours,
    sum(baseline_planned_hours) as baseline_planned_hours,
    sum(finished)::bigint as finished,
    sum(reopened)::bigint as reopened
from {{ ref('burn_step') }}
where true {{ and_stale('space_key, project_id, milestone_id, day') }}
group by space_key, project_id, milestone_id, day
