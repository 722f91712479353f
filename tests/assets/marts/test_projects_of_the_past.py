"""Projects change, and closed weeks stand still: issues that move to another project, keys of
issues that were deleted, projects that are archived (`docs/metrics.md`).
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from assets.marts.manifest import manifest
from assets.marts.metrics import Metrics
from tests.assets.marts.building import build, checks_of
from tests.assets.marts.worked import CLOSED
from tests.assets.marts.worked_plan import july
from tests.deployment import Deployment, Run

#: Marts are built three times.
pytestmark = [pytest.mark.full, pytest.mark.usefixtures("equal_in_the_end")]

TOKYO = ZoneInfo("Asia/Tokyo")
#: What each table says of both projects up to a day, which no move after it may change.
CLOSED_PERIODS = {
    "issue_daily": "SELECT issue_id, project_key, day, issue_type, status, stage, milestone_ids, "
    "category_ids, estimated_hours, actual_hours FROM mart.issue_daily WHERE day < '{}'",
    "flow_daily": "SELECT * FROM mart.flow_daily WHERE day < '{}'",
    "throughput_weekly": "SELECT * FROM mart.throughput_weekly WHERE week + 6 < '{}'",
    "person_project_week": "SELECT * FROM mart.person_project_week WHERE week + 6 < '{}'",
    "hours_ledger": "SELECT project_key, issue_id, position, work_date, hours "
    "FROM mart.hours_ledger WHERE work_date < '{}'",
    "conversation": "SELECT p.project_key, comment_id, said_at FROM mart.conversation "
    "JOIN mart.project_summary AS p USING (space_key, project_id) WHERE said_day < '{}'",
    "reopen_event": "SELECT p.project_key, issue_id, reopened_at FROM mart.reopen_event "
    "JOIN mart.project_summary AS p USING (space_key, project_id) WHERE reopened_day < '{}'",
    "cycle_time": "SELECT * FROM mart.cycle_time WHERE done_month + 31 < '{}'",
    "plan_actual_monthly": "SELECT project_key, user_id, month, actual_hours "
    "FROM mart.plan_actual_monthly WHERE actual_hours <> 0 AND month + 31 < '{}'",
    "burn_day": "SELECT p.project_key, b.* FROM mart.burn_day AS b "
    "JOIN mart.project_summary AS p USING (space_key, project_id) WHERE day < '{}'",
    "milestone_burn": "SELECT project_key, milestone, day, scope, done, scope_hours, done_hours, "
    "actual_hours FROM mart.milestone_burn WHERE day < '{}'",
    "velocity": "SELECT * FROM mart.velocity WHERE counted_to < '{}'",
    "earned_value_project": "SELECT project_key, as_of, planned_value, earned_value, actual_cost, "
    "budget_hours FROM mart.earned_value_project WHERE week + 6 < '{}'",
}

Rows = list[dict[str, Any]]


@dataclass(frozen=True)
class Moved:
    """Two issues of AWAY that have moved to HERE, and what the marts said before and after."""

    deployment: Deployment
    done: int
    waiting: int
    day: date
    before: dict[str, Rows]
    after: dict[str, Rows]
    run: Run


def closed(deployment: Deployment, day: date) -> dict[str, Rows]:
    """Return what is said of both projects of the time before a day."""
    return {
        name: [
            dict(row)
            for row in deployment.query(
                f"SELECT * FROM ({sql.format(day)}) AS t WHERE project_key IN ('AWAY', 'HERE') "
                "ORDER BY t::text"
            )
        ]
        for name, sql in CLOSED_PERIODS.items()
    }


@pytest.fixture(scope="module")
def moved(marts: Deployment) -> Moved:
    """Build the marts of two projects, and again after two issues of the one went to the other."""
    space = marts.sim.space
    for key in ("AWAY", "HERE"):
        space.add_project(key, key.title())
    who = space.add_user("移 りゆく").id
    for key in ("AWAY", "HERE"):
        space.add_member(key, who, at=july(1))
    milestone = space.add_version("AWAY", "移", start="2026-07-01", due="2026-07-17", at=july(1)).id
    category = space.add_category("AWAY", "移動").id
    kind = space.add_issue_type("AWAY", "移る種別").id
    accepting = space.add_status("AWAY", "検収中").id

    def made(**fields: Any) -> int:
        return space.create_issue("AWAY", by=who, at=july(1), assignee_id=who, **fields).id

    of_away: dict[str, Any] = {
        "milestone_ids": (milestone,), "category_ids": (category,), "type_id": kind,
    }  # fmt: skip
    done = made(estimated_hours=8, **of_away)
    space.edit_issue(done, by=who, at=july(2), status_id=accepting)
    space.edit_issue(done, by=who, at=july(8), actual_hours=3, comment="進めています")
    space.edit_issue(done, by=who, at=july(9), status_id=CLOSED)
    space.edit_issue(done, by=who, at=july(10), status_id=accepting)
    space.edit_issue(done, by=who, at=july(13), status_id=CLOSED)
    waiting = made(estimated_hours=5, due_date="2026-07-20", **of_away)
    space.edit_issue(waiting, by=who, at=july(6), status_id=accepting)
    # Of today, so that the space is as old before as after.
    space.create_issue("HERE", by=who)
    build(marts.load())
    day = datetime.now(UTC).astimezone(TOKYO).date()
    before = closed(marts, day)
    for issue in (done, waiting):
        space.move_issue(issue, "HERE")
    run = build(marts.load())
    return Moved(marts, done, waiting, day, before, closed(marts, day), run)


def rows(moved: Moved, sql: str) -> Rows:
    return [dict(row) for row in moved.deployment.query(sql)]


@pytest.mark.parametrize("table", CLOSED_PERIODS)
def test_closed_periods_of_both_projects_stand_still_when_an_issue_moves(
    moved: Moved, table: str
) -> None:
    assert {row["project_key"] for row in moved.before[table]} == {"AWAY"}
    assert moved.after[table] == moved.before[table]


def test_an_issue_is_of_its_project_of_now_and_its_days_are_of_that_of_the_day(
    moved: Moved,
) -> None:
    [issue] = rows(
        moved,
        "SELECT i.project_key, i.created_project_id = p.project_id AS was_made_there, "
        "i.done_project_id = p.project_id AS was_done_there, i.status_since, i.done_day "
        f"FROM mart.issue AS i JOIN mart.project_summary AS p ON p.project_key = 'AWAY' "
        f"WHERE issue_id = {moved.done}",
    )
    assert issue == {
        "project_key": "HERE", "was_made_there": True, "was_done_there": True,
        "status_since": july(13), "done_day": date(2026, 7, 13),
    }  # fmt: skip
    days = rows(
        moved,
        "SELECT project_key, day, stage, cardinality(milestone_ids) AS milestones, "
        f"cardinality(category_ids) AS categories, issue_type FROM mart.issue_daily "
        f"WHERE issue_id = {moved.waiting} ORDER BY day",
    )
    of_move = next(row for row in days if row["day"] == moved.day)
    assert (of_move["project_key"], of_move["milestones"], of_move["categories"]) == ("HERE", 0, 0)
    assert of_move["stage"] == "waiting"
    last = [row for row in days if row["day"] < moved.day][-1]
    assert last | {"day": None} == {
        "project_key": "AWAY", "day": None, "stage": "active", "milestones": 1, "categories": 1,
        "issue_type": "移る種別",
    }  # fmt: skip


def test_the_weeks_of_the_old_project_have_what_was_done_in_it(moved: Moved) -> None:
    weeks = rows(
        moved,
        "SELECT week, created, done, reopened FROM mart.throughput_weekly "
        f"WHERE project_key = 'AWAY' AND week < '{moved.day}' ORDER BY week",
    )
    assert [tuple(row.values()) for row in weeks] == [
        (date(2026, 6, 29), 2, 0, 0),
        (date(2026, 7, 6), 0, 0, 1),
        (date(2026, 7, 13), 0, 1, 0),
    ]
    values = rows(
        moved,
        "SELECT as_of, earned_value, actual_cost FROM mart.earned_value_project "
        f"WHERE project_key = 'AWAY' AND as_of BETWEEN '2026-07-19' AND '{moved.day}' "
        "ORDER BY as_of",
    )
    assert {tuple(row.values())[1:] for row in values if row["as_of"] < moved.day} == {(8, 3)}
    assert values[-1] == {"as_of": moved.day, "earned_value": 0, "actual_cost": 0}


def test_a_move_takes_an_issue_out_of_one_stock_and_into_the_other(moved: Moved) -> None:
    found = rows(
        moved,
        "SELECT project_key, stage, sum(entered) AS entered, sum(left_stage) AS left_stage "
        f"FROM mart.flow_daily WHERE day = '{moved.day}' AND project_key IN ('AWAY', 'HERE') "
        "GROUP BY 1, 2 HAVING sum(entered + left_stage) > 0 ORDER BY 1, 2",
    )
    assert [tuple(row.values()) for row in found] == [
        ("AWAY", "active", 0, 1),
        ("AWAY", "done", 0, 1),
        ("HERE", "done", 1, 0),
        ("HERE", "waiting", 2, 0),  # one was made there
    ]
    assert rows(moved, f"SELECT * FROM mart.reopen_event WHERE reopened_day = '{moved.day}' "
        f"AND issue_id IN ({moved.done}, {moved.waiting})") == []  # fmt: skip
    check = checks_of(moved.run)["days_are_of_issues_that_are_there"]
    assert check.passed


@pytest.fixture(scope="module")
def renamed(marts: Deployment) -> dict[str, int]:
    """Make a project, delete an issue of it, and give it another key; return the issues by name."""
    space = marts.sim.space
    space.add_project("OLDKEY", "Old")
    who = space.add_user("鍵 替える").id
    space.add_member("OLDKEY", who, at=july(1))

    def made(**fields: Any) -> int:
        return space.create_issue("OLDKEY", by=who, at=july(1), assignee_id=who, **fields).id

    found = {"gone": made(), "parent": made()}
    found["child"] = made(parent_id=found["parent"], due_date="2026-07-10", estimated_hours=4)
    marts.load()
    space.delete_issue(found["gone"])
    build(marts.load())
    space.rename_project("OLDKEY", key="NEWKEY")
    build(marts.load())
    return found


def test_an_issue_that_is_gone_has_the_key_that_its_project_has_now(
    marts: Deployment, renamed: dict[str, int]
) -> None:
    found = {
        row["issue_id"]: (row["issue_key"], row["parent_issue_key"], row["is_deleted"])
        for row in marts.query(
            "SELECT issue_id, issue_key, parent_issue_key, is_deleted FROM mart.issue "
            "WHERE project_key = 'NEWKEY'"
        )
    }
    assert found == {
        renamed["gone"]: ("NEWKEY-1", None, True),
        renamed["parent"]: ("NEWKEY-2", None, False),
        renamed["child"]: ("NEWKEY-3", "NEWKEY-2", False),
    }


def of_now(deployment: Deployment) -> list[Any]:
    """Return what is said of the open work of the project: by metrics, tables and a person."""
    defined = Metrics(manifest())
    found: list[Any] = []
    for metric in ("open_issues", "overdue_issues", "remaining_hours", "upcoming_hours"):
        sql = defined.sql([metric], where=["project=NEWKEY"])
        [row] = deployment.query(sql)
        found.append(float(row[metric] or 0))
    [person] = deployment.query(
        "SELECT open_issues FROM mart.user_summary WHERE user_name = '鍵 替える'"
    )
    flags = {
        row["is_archived"]
        for table in ("issue", "issue_now", "issue_plan", "upcoming_load", "gantt",
            "project_summary")
        for row in deployment.query(
            f"SELECT is_archived FROM mart.{table} WHERE project_key = 'NEWKEY'"
        )
    }  # fmt: skip
    return [*found, person["open_issues"], flags]


def test_an_archived_project_has_no_open_work_unless_it_is_asked_for(
    marts: Deployment, renamed: dict[str, int]
) -> None:
    space = marts.sim.space
    assert of_now(marts) == [2, 1, 4, 4, 2, {False}]
    space.archive_project("NEWKEY")
    build(marts.load())
    assert of_now(marts) == [0, 0, 0, 0, 0, {True}]
    asked = Metrics(manifest()).sql(
        ["open_issues", "overdue_issues"], by=["is_archived"], where=["project=NEWKEY"]
    )
    found = [dict(row) for row in marts.query(asked)]
    assert found == [{"is_archived": True, "open_issues": 2, "overdue_issues": 1}]
    space.archive_project("NEWKEY", archived=False)
    build(marts.load())
    assert of_now(marts) == [2, 1, 4, 4, 2, {False}]
