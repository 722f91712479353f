"""Earned value, and the ideal line and the projection of a milestone: numbers worked out by hand
(`docs/metrics.md`), and each row against what the issues were at the end of its day, by other code:
the marts add up changes, these queries look at states.
"""

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from tests.assets.marts.building import last_checks, rows_of
from tests.deployment import Deployment

AUGUST = date(2026, 8, 1)
VALUES = (
    "planned_value",
    "earned_value",
    "actual_cost",
    "budget_hours",
    "spi",
    "cpi",
    "expected_cost",
)
#: Of the baseline; what is left to plan by; of the month alone.
BASELINE = ("baseline_planned_value", "baseline_budget_hours", "baseline_spi")
REST = (
    "schedule_variance",
    "cost_variance",
    "estimate_to_complete",
    "variance_at_completion",
    "to_complete_index",
)
MONTH = (
    "month_planned_value",
    "month_earned_value",
    "month_actual_cost",
    "month_spi",
    "month_cpi",
)
#: How much of the work has hours.
COVERAGE = (
    "unestimated_hours",
    "costed_earned_value",
    "costed_actual_cost",
    "cost_coverage",
    "is_cpi_reliable",
)
PLAN, BASE = "PLAN", "BASE"
OF_SPRINT = "milestone = '計'"


def of(number: str) -> Decimal:
    return Decimal(number)


def values(
    marts: Deployment,
    table: str,
    where: str = "true",
    columns: tuple[str, ...] = VALUES,
    project: str = PLAN,
) -> dict[date, tuple[Any, ...]]:
    """Return each day of a row, and its numbers."""
    found = marts.query(
        f"SELECT * FROM mart.{table} WHERE project_key = '{project}' AND {where} ORDER BY as_of",
    )
    return {row["as_of"]: tuple(row[name] for name in columns) for row in found}


MARKS = ("week", "month", "is_week_end", "is_month_end", "has_come", "is_last")
JULY = date(2026, 7, 1)
BEHIND, COST, NOTHING = of("0.5714"), of("1.0909"), (None, None)


def day(number: int, month: int = 7) -> date:
    return date(2026, month, number)


@pytest.mark.parametrize(
    ("table", "where", "columns", "project", "expected"),
    [
        # A milestone earns what is done of what was planned.
        (
            "milestone", OF_SPRINT, VALUES, PLAN,
            {
                day(5): (0, 0, 0, 29, None, None, None),
                day(12): (8, 8, 6, 28, 1, of("1.3333"), 21),
                day(19): (21, 12, 11, 31, BEHIND, COST, of("28.4167")),
                day(26): (21, 12, 11, 31, BEHIND, COST, of("28.4167")),
                # The last day of the month has what was spent since Sunday.
                day(31): (21, 12, 15, 31, BEHIND, COST, of("32.4167")),
                # Saturday, the newest change of the space.
                day(1, 8): (21, 12, 15, 31, BEHIND, COST, of("32.4167")),
                day(2, 8): (21, None, None, None, None, None, None),
                day(9, 8): (31, None, None, None, None, None, None),
            },
        ),
        # Rows say which day they are of.
        (
            "milestone", f"{OF_SPRINT} AND as_of > '2026-07-19'", MARKS, PLAN,
            {
                day(26): (day(20), JULY, True, False, True, False),
                day(31): (day(27), JULY, False, True, True, False),
                day(1, 8): (day(27), AUGUST, False, False, True, True),
                day(2, 8): (day(27), AUGUST, True, False, False, False),
                day(9, 8): (day(3, 8), AUGUST, True, False, False, False),
            },
        ),
        # The baseline of a milestone keeps what it began with.
        (
            "milestone", OF_SPRINT, BASELINE, PLAN,
            {
                day(5): (0, 29, None),
                day(12): (8, 33, 1),
                **dict.fromkeys(
                    (day(19), day(26), day(31), day(1, 8)), (23, 33, of("0.5217"))
                ),
                day(2, 8): (23, *NOTHING),
                day(9, 8): (33, *NOTHING),
            },
        ),
        # That of a project never falls.
        (
            "project", "has_come AND as_of BETWEEN '2026-07-01' AND '2026-07-31'", BASELINE, BASE,
            {
                day(5): (0, 23, None),
                day(12): (8, 23, 0),
                day(19): (12, 23, of("1.6667")),
                day(26): (17, 23, of("1.4706")),
                day(31): (17, 23, of("1.4706")),
            },
        ),
        # A project has each issue once, and hours without estimate not in its CPI.
        (
            "project", "as_of >= '2026-08-01'", VALUES, PLAN,
            {
                day(1, 8): (41, 12, 17, 56, of("0.2927"), COST, of("57.3333")),
                day(2, 8): (51 - 10, None, None, None, None, None, None),
                day(9, 8): (51, None, None, None, None, None, None),
            },
        ),
        (
            "project", "is_last", COVERAGE + BASELINE + REST, PLAN,
            {
                AUGUST: (
                    *(2, 12, 11, 1, True),
                    *(43, 53, of("0.2791")),
                    *(-29, 1, of("40.3333"), of("-1.3333"), of("1.1282")),
                ),
            },
        ),
        # An estimate of 0 is none, and the CPI knows how much it knows.
        (
            "project", "as_of >= '2026-07-12' AND has_come", VALUES, BASE,
            {
                day(12): (0, 0, 0, 31, None, None, None),
                day(19): (12, 20, 13, 31, of("1.6667"), of("0.8"), of("26.75")),
                **dict.fromkeys(
                    (day(26), day(31), day(1, 8)),
                    (25, 25, 18, 31, 1, of("0.8667"), of("24.9231")),
                ),
            },
        ),
        ("project", "is_last", COVERAGE, BASE, {AUGUST: (3, 13, 15, of("0.52"), False)}),
    ],
)  # fmt: skip
def test_each_day_has_the_numbers_that_were_worked_out_by_hand(
    marts: Deployment,
    table: str,
    where: str,
    columns: tuple[str, ...],
    project: str,
    expected: dict[date, tuple[Any, ...]],
) -> None:
    assert values(marts, f"earned_value_{table}", where, columns, project) == expected


def test_a_milestone_says_what_the_rest_will_cost_and_how_its_month_was(marts: Deployment) -> None:
    found = values(marts, "earned_value_milestone", f"{OF_SPRINT} AND has_come", REST + MONTH)
    assert found[date(2026, 7, 12)] == (
        *(0, 2, 15, 7, of("0.9091")),
        *(8, 8, 6, 1, of("1.3333")),
    )
    assert found[date(2026, 7, 31)] == (
        *(-9, 1, of("17.4167"), of("-1.4167"), of("1.1875")),
        *(21, 12, 15, of("0.5714"), of("1.0909")),
    )
    # In August nothing was planned, done or spent.
    assert found[AUGUST][len(REST) :] == (0, 0, 0, None, None)


def test_an_estimate_of_0_is_none_and_work_without_hours_is_named(marts: Deployment) -> None:
    [issue] = marts.query(
        "SELECT * FROM mart.issue_plan WHERE project_key = 'BASE' AND due_date = '2026-07-16'",
    )
    names = (
        "estimated_hours", "remaining_hours", "first_estimated_hours", "baseline_hours",
    )  # fmt: skip
    assert [issue[name] for name in names] == [None, 0, None, None]
    check = last_checks(marts)["earned_work_has_hours"]
    assert not check.passed
    assert [row["estimated_hours"] for row in rows_of(check) if row["project_key"] == BASE] == [
        "12"
    ]


def test_a_due_date_behind_the_calendar_is_its_last_day(marts: Deployment) -> None:
    [issue] = marts.query(
        "SELECT * FROM mart.issue_plan WHERE project_key = 'BASE' AND is_outside_calendar",
    )
    last_day = date(2028, 12, 31)
    assert (issue["due_date"], issue["planned_due"]) == (date(2061, 12, 31), last_day)
    found = values(marts, "earned_value_project", columns=VALUES[:1], project=BASE)
    assert max(found) == last_day
    assert (found[date(2028, 12, 30 - 6)], found[last_day]) == ((25,), (31,))
    check = last_checks(marts)["plans_lie_in_the_calendar"]
    assert issue["issue_key"] in [row["issue_key"] for row in rows_of(check)]


def test_the_baseline_of_no_project_falls(marts: Deployment) -> None:
    falling = marts.query(
        "SELECT * FROM (SELECT project_key, as_of, baseline_planned_value - lag("
        "baseline_planned_value) OVER (PARTITION BY space_key, project_id ORDER BY as_of) AS step "
        "FROM mart.earned_value_project) AS steps WHERE step < 0",
    )
    assert falling == []


def test_a_milestone_has_an_ideal_line(marts: Deployment) -> None:
    found = {
        row["day"].strftime("%m-%d"): row
        for row in marts.query("SELECT * FROM mart.milestone_burn WHERE milestone = '計'")
    }
    columns = (
        "ideal_open",
        "ideal_open_hours",
        "actual_hours",
    )
    assert {
        day: tuple(found[day][name] for name in columns)
        for day in ("07-05", "07-06", "07-10", "07-11", "07-16", "07-17")
    } == {
        "07-05": (4, 29, 0),
        "07-06": (Decimal("3.6"), Decimal("26.1"), 0),
        "07-10": (2, Decimal("14.5"), 6),
        "07-11": (2, Decimal("14.5"), 6),
        "07-16": (Decimal("0.4"), Decimal("2.9"), 11),
        "07-17": (0, 0, 11),
    }
    # It goes on past the due date, while issues of it are open.
    assert max(found) == "08-01"
    assert [row["day"] for row in found.values() if row["is_last"]] == [AUGUST]
    last = found["08-01"]
    assert (last["ideal_open"], last["actual_hours"]) == (0, 15)
    dateless = marts.query("SELECT * FROM mart.milestone_burn WHERE milestone = '画' ORDER BY day")
    assert {(row["ideal_open"], row["ideal_open_hours"]) for row in dateless} == {(None, None)}


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
