"""The metrics of the example, as they were worked out by hand (`docs/metrics.md`)."""

#: Of the issue that goes the whole way.
ISSUE = {
    "issues": 1,
    "issues_done": 1,
    "open_issues": 0,
    "issues_in_progress": 0,
    "issues_finished": 1,
    "issues_reopened": 1,
    "reopened_share": 1,
    "issues_done_with_due_date": 1,
    "issues_done_late": 1,
    "late_share": 1,
    "lead_seconds_median": 2_676_600,
    "lead_seconds_p85": 2_676_600,
    "cycle_seconds_median": 2_644_200,
    "cycle_seconds_p85": 2_644_200,
    "lead_working_seconds_median": 633_600,
    "cycle_working_seconds_median": 630_000,
    "first_response_seconds_median": 37_800,
    "issues_answered": 1,
    "answered_share": 1,
    "seconds_waiting": 32_400,
    "seconds_active": 2_547_030,
    "seconds_review": 10_770,
    "seconds_before_done": 2_590_200,
    "flow_efficiency": 2_547_030 / 2_590_200,
    "estimated_hours": 8,
    "actual_hours": 5.5,
    "hours": 5.5,
    "issues_with_estimate": 1,
    "hours_estimated_of_done": 8,
    "hours_spent_on_done": 5.5,
    "actual_by_estimate": 0.6875,
    "estimate_ratio_median": 0.6875,
    "comments": 1,
    "comments_per_issue": 1,
    "due_date_changes": 1,
}
#: Of the project of the ten peers and the one in progress.
PEERS = {
    "issues": 11,
    "issues_done": 10,
    "open_issues": 1,
    "issues_in_progress": 1,
    "cycle_seconds_median": 475_200,
    "cycle_seconds_p85": 747_360,
    "hours": 3,
    "comments": 1,
    "comments_per_issue": 1 / 11,
    "ageing_issues": 1,
    "high_risk_issues": 0,
    "high_risk_share": 0,
    "age_seconds_median": 475_200,
    "age_seconds_max": 475_200,
    "person_issues_created": 11,
    "person_issues_done": 10,
    "person_comments": 1,
    "person_hours": 3,
}
#: Of the project PLAN, on 1 August.
PLAN = {
    "planned_hours": 56,
    "worked_hours": 17,
    "worked_by_planned": 17 / 56,
    "upcoming_hours": 35,
    "upcoming_overdue_hours": 20,
    "upcoming_milestone_overdue_hours": 15,
    "undated_hours": 5,
    "planned_value": 41,
    "earned_value": 12,
    "actual_cost": 17,
    "budget_hours": 56,
    "costed_earned_value": 12,
    "costed_actual_cost": 11,
    "cost_coverage": 1,
    "spi": 12 / 41,
    "cpi": 12 / 11,
    "schedule_variance": -29,
    "cost_variance": 1,
    "expected_cost": 17 + 44 * 11 / 12,
    "estimate_to_complete": 44 * 11 / 12,
    "variance_at_completion": 39 - 44 * 11 / 12,
    "to_complete_index": 44 / 39,
    "baseline_planned_value": 43,
    "baseline_budget_hours": 53,
    "baseline_spi": 12 / 43,
    "planned_in_period": 41,
    "earned_in_period": 12,
    "cost_in_period": 17,
    "costed_earned_in_period": 12,
    "costed_cost_in_period": 11,
    "spi_in_period": 12 / 41,
    "cpi_in_period": 12 / 11,
    "person_days": 17 / 8,
    "person_months": 17 / 160,
    "planned_person_days": 7,
    "planned_person_months": 0.35,
}
#: Of the same project on the day of the test, whichever it is after 4 August.
OVERDUE = {"overdue_issues": 2, "milestone_overdue_issues": 2, "remaining_hours": 40}
#: Of the project TREE on that day: nobody has its issues, one was begun on 16 July, and two have no
#: estimate.
STUCK = {
    "stuck_issues": 1,
    "unassigned_issues": 5,
    "open_issues": 5,
    "issues_in_progress": 1,
    "unestimated_issues": 2,
}
#: Of the same: the day of July from which on they count, the 13th, when most issues were made, and
#: the first due date.
SINCE = {
    "seconds_in_status_median": 13,
    "seconds_in_status_p85": 13,
    "seconds_in_status_max": 13,
    "days_overdue_max": 20,
}
#: Of PLAN on that day: the day of July on which its milestone was due.
MILESTONE_SINCE = {"days_milestone_overdue_max": 17}
#: Of the milestone of PLAN.
SPRINT = {
    "milestone_committed": 4,
    "milestone_added": 1,
    "milestone_removed": 1,
    "milestone_completed": 2,
    "milestone_carried_over": 2,
    "milestone_committed_hours": 29,
    "milestone_added_hours": 4,
    "milestone_removed_hours": 5,
    "milestone_reestimated_hours": 3,
    "milestone_completed_hours": 12,
    "milestone_carried_over_hours": 19,
}
#: Of the milestone on its last day.
MILESTONE = {"milestone_scope": 1, "milestone_done": 1, "milestone_done_share": 1}
#: By project, stage and day: an issue came into review and left it on 2 July.
REVIEW = {"stage_entries": 1, "stage_exits": 1}
SYNCS = {
    "sync_runs": 3,
    "sync_runs_completed": 2,
    "sync_runs_ended": 3,
    "sync_success_share": 2 / 3,
    "sync_requests": 8,
}
#: These have rows of their own below.
BY_TIME = {"issues_in_stage", "reopenings"}
#: Of the first person of the plan, with the lines of `test_edited_mappings`: in July, and in the
#: week of 3 August.
CAPACITY = {"capacity_hours": 120, "utilisation": 15 / 120}
UPCOMING = {"upcoming_utilisation": 15 / 30}
