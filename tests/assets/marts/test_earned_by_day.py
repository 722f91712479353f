"""Earned value, each row against what the issues were at the end of its day, by other code: the
marts add up changes, these queries look at states.
"""

import pytest

from tests.deployment import Deployment

#: What the issues of a project or milestone were, from `issue_history` and due dates of milestones.
STATES = """
    SELECT coalesce(sum(h.estimated_hours), 0) AS budget,
        coalesce(sum(h.estimated_hours) FILTER (WHERE h.stage = 'done'), 0) AS earned,
        coalesce(sum(h.actual_hours), 0) AS actual,
        coalesce(sum(h.actual_hours) FILTER (WHERE h.estimated_hours IS NULL), 0) AS unestimated,
        coalesce(sum(h.estimated_hours) FILTER (WHERE d.is_costed), 0) AS costed,
        coalesce(sum(h.actual_hours) FILTER (WHERE d.is_costed), 0) AS cost,
        coalesce(sum(h.estimated_hours) FILTER (
            WHERE d.due <= e.as_of OR (d.due IS NULL AND h.stage = 'done')
        ), 0) AS planned
    FROM mart.issue_history AS h
    CROSS JOIN LATERAL (
        SELECT coalesce(h.due_date, min(v.release_due_date)) AS due,
            h.stage = 'done' AND h.estimated_hours > 0 AND h.actual_hours > 0 AS is_costed
        FROM raw.versions AS v
        WHERE v.space_key = h.space_key AND v.id = ANY(h.milestone_ids)
    ) AS d
    WHERE h.space_key = e.space_key AND {of}
        AND e.as_of BETWEEN h.first_day AND coalesce(h.last_day, 'infinity')
"""
LEVELS = {
    "project": "h.project_id = e.project_id",
    "milestone": "e.milestone_id = ANY(h.milestone_ids)",
}


@pytest.mark.parametrize("level", LEVELS)
def test_each_row_adds_up_what_the_issues_were_on_that_day(marts: Deployment, level: str) -> None:
    states = STATES.format(of=LEVELS[level])
    columns = (
        "planned_value, earned_value, actual_cost, unestimated_hours, budget_hours, "
        "costed_earned_value, costed_actual_cost"
    )
    mart = f"mart.earned_value_{level}"
    unequal = marts.query(
        f"SELECT e.project_key, e.as_of, {columns}, s.* FROM {mart} AS e "
        f"CROSS JOIN LATERAL ({states}) AS s WHERE e.has_come AND ({columns}) IS DISTINCT FROM "
        "(s.planned, s.earned, s.actual, s.unestimated, s.budget, s.costed, s.cost)"
    )
    assert unequal == []
    assert marts.query(f"SELECT count(*) > 20 AS many FROM {mart}") == [{"many": True}]


def test_a_month_alone_is_the_difference_to_the_end_of_the_month_before(
    marts: Deployment,
) -> None:
    pairs = {
        "planned_value": "month_planned_value",
        "earned_value": "month_earned_value",
        "actual_cost": "month_actual_cost",
    }
    for value, alone in pairs.items():
        before = (
            f"SELECT b.{value} FROM mart.earned_value_project AS b WHERE b.space_key = e.space_key "
            "AND b.project_id = e.project_id AND b.as_of < e.month ORDER BY b.as_of DESC LIMIT 1"
        )
        assert (
            marts.query(
                f"SELECT e.project_key, e.as_of FROM mart.earned_value_project AS e WHERE has_come "
                f"AND e.{alone} IS DISTINCT FROM e.{value} - coalesce(({before}), 0)"
            )
            == []
        )
